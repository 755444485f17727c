import { RemoraError } from '@remora/shared/errors.ts';
import { parseDuration } from '@remora/shared/model/duration.ts';
import type { RotateRequest } from '@remora/shared/model/rotate-request.ts';
import { isMostlyOver } from '../certificate-life.ts';
import type { ClusterObservation } from '../facts.ts';
import type { CertificateRecord } from '../records.ts';
import { nodeKey } from '../steps.ts';

const OTHERS = '`remora certs list` shows all certificates; those of others are replaced where they were made.';

const refuse = (message: string, hint = OTHERS): never => {
  throw new RemoraError('bad-input', message, { hint });
};

/**
 * The certificates that are meant, ordered by cluster and node, of those that Remora made: when they end is not looked at yet. Throws `bad-input` where what was
 * named has none.
 */
export const meantCertificates = (
  { cluster, node, expiring, due }: RotateRequest,
  records: readonly CertificateRecord[],
): readonly CertificateRecord[] => {
  const fitting = records
    .filter((record) => (cluster ?? record.cluster) === record.cluster && (node ?? record.node) === record.node)
    .sort((a, b) => nodeKey(a).localeCompare(nodeKey(b), 'en', { numeric: true }));
  const names = [
    ...(node === undefined ? [] : [`node ${node}`]),
    ...(cluster === undefined ? [] : [`cluster ${cluster}`]),
  ];
  if (fitting.length === 0 && names.length > 0)
    return refuse(`Remora has made no certificate for ${names.join(' of ')}.`);
  if (fitting.length === 0 && expiring === undefined && !due) return refuse('Remora has made no certificate yet.');
  const clusters = [...new Set(fitting.map((record) => record.cluster))];
  return node !== undefined && clusters.length > 1
    ? refuse(`Several clusters have a node "${node}": ${clusters.join(', ')}.`, 'Add --cluster NAME.')
    : fitting;
};

/**
 * Whether another version of a certificate's file stands on the node than the one on record: a run that was to place that one never did. Unknown, so false, of
 * a node that cannot be looked at.
 */
export const isBehind = (
  { node, path, p12Secret }: CertificateRecord,
  cluster: ClusterObservation | undefined,
): boolean => {
  const agent = cluster?.nodes.find(({ name }) => name === node)?.agent;
  const file = agent?.state === 'online' ? agent.facts.files.find((one) => one.path === path) : undefined;
  return isOtherVersion(file, { p12Secret });
};

/** Whether a file holds a version of a certificate's file that is not the one on record. */
export const isOtherVersion = (
  file: { readonly source: string | null } | undefined,
  { p12Secret }: Pick<CertificateRecord, 'p12Secret'>,
): boolean => file?.source != null && file.source !== p12Secret && isVersionOf(file.source, p12Secret);

/** Whether two references are of one secret. */
export const isVersionOf = (source: string, reference: string): boolean =>
  source.replace(/@\d+$/, '') === reference.replace(/@\d+$/, '');

/** Of those that are meant, the ones that are to be replaced now. */
export const dueCertificates = (
  { expiring, due }: RotateRequest,
  meant: readonly CertificateRecord[],
  clusters: readonly ClusterObservation[],
  now: string,
): readonly CertificateRecord[] => {
  if (expiring === undefined && !due) return meant;
  const endsSoon = (record: CertificateRecord): boolean =>
    expiring === undefined
      ? isMostlyOver(record, now)
      : Date.parse(record.facts.notAfter) <= Date.parse(now) + parseDuration(expiring);
  const clusterOf = (record: CertificateRecord) => clusters.find(({ name }) => name === record.cluster);
  return meant.filter((record) => endsSoon(record) || isBehind(record, clusterOf(record)));
};
