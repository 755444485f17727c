import { RemoraError } from '@remora/shared/errors.ts';
import { parseDuration } from '@remora/shared/model/duration.ts';
import type { RotateRequest } from '@remora/shared/model/rotate-request.ts';
import type { CertificateRecord } from '../records.ts';
import { nodeKey } from '../steps.ts';

const refuse = (message: string, hint: string): never => {
  throw new RemoraError('bad-input', message, { hint });
};

const OTHERS = '`remora certs list` shows all certificates; those of others are replaced where they were made.';

const ofNode = (node: string, all: readonly CertificateRecord[]): readonly CertificateRecord[] => {
  const clusters = [...new Set(all.map(({ cluster }) => cluster))];
  return clusters.length > 1
    ? refuse(`Several clusters have a node "${node}": ${clusters.join(', ')}.`, 'Add --cluster NAME.')
    : all;
};

/**
 * The certificates that are to be replaced, ordered by cluster and node; of those that Remora made. None only where it was asked for those that end soon.
 * Throws `bad-input` where what was named has none.
 */
export const chosenCertificates = (
  { cluster, node, expiring, all }: RotateRequest,
  records: readonly CertificateRecord[],
  now: string,
): readonly CertificateRecord[] => {
  const sorted = [...records].sort((a, b) => nodeKey(a).localeCompare(nodeKey(b), 'en', { numeric: true }));
  if (expiring !== undefined) {
    const before = Date.parse(now) + parseDuration(expiring);
    return sorted.filter(({ facts }) => Date.parse(facts.notAfter) <= before);
  }
  if (all) return sorted.length > 0 ? sorted : refuse('Remora has made no certificate yet.', OTHERS);
  const fitting = sorted.filter(
    (record) => (cluster ?? record.cluster) === record.cluster && (node ?? record.node) === record.node,
  );
  const which = [
    ...(node === undefined ? [] : [`node ${node}`]),
    ...(cluster === undefined ? [] : [`cluster ${cluster}`]),
  ];
  if (fitting.length === 0) return refuse(`Remora has made no certificate for ${which.join(' of ')}.`, OTHERS);
  return node === undefined ? fitting : ofNode(node, fitting);
};
