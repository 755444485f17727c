import type { ClusterObservation } from '../facts.ts';
import type { CertificateRecord } from '../records.ts';

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
