import { RemoraError } from '@remora/shared/errors.ts';
import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { isMostlyOver } from '../certificates/certificate-life.ts';
import { isBehind } from '../certificates/certificate-versions.ts';
import type { ClusterObservation } from '../facts.ts';
import { nodeKey } from '../node/node-id.ts';
import type { CertificateRecord, SigningCertificateRecord } from '../records.ts';
import { meantSigners } from './signers.ts';

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
  signers: readonly SigningCertificateRecord[],
): readonly CertificateRecord[] => {
  const signing = meantSigners({ cluster, node }, signers);
  const fitting = records
    .filter((record) => (cluster ?? record.cluster) === record.cluster && (node ?? record.node) === record.node)
    .sort((a, b) => nodeKey(a).localeCompare(nodeKey(b), 'en', { numeric: true }));
  const names = [
    ...(node === undefined ? [] : [`node ${node}`]),
    ...(cluster === undefined ? [] : [`cluster ${cluster}`]),
  ];
  const count = fitting.length + signing.length;
  if (count === 0 && names.length > 0) return refuse(`Remora has made no certificate for ${names.join(' of ')}.`);
  if (count === 0 && expiring === undefined && !due) return refuse('Remora has made no certificate yet.');
  const clusters = [...new Set([...fitting, ...signing].map((record) => record.cluster))];
  return node !== undefined && clusters.length > 1
    ? refuse(`Several clusters have a node "${node}": ${clusters.join(', ')}.`, 'Add --cluster NAME.')
    : fitting;
};

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
