import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import type { CaRecord, CertificateRecord } from '../../plan/records.ts';

/** The certificates that Remora made and the CAs of the inventory, by what is asked for of each that is found: nodes may be many, and have as many records. */
export interface CertificateIndex {
  recordsOf(node: NodeId): readonly CertificateRecord[];
  recordWith(fingerprint256: string | null): CertificateRecord | undefined;
  caWith(fingerprint256: string | null): CaRecord | undefined;
  /** CAs of this subject, as RFC 2253 writes it. */
  casNamed(subject: string): readonly CaRecord[];
}

/** By fingerprint; of several the first. */
const byFingerprint = <T extends { readonly facts: { readonly fingerprint256: string } }>(all: readonly T[]) =>
  new Map(all.toReversed().map((one) => [one.facts.fingerprint256, one] as const));

export const certificateIndex = (records: readonly CertificateRecord[], cas: readonly CaRecord[]): CertificateIndex => {
  const ofNodes = Map.groupBy(records, nodeKey);
  const [recordsWith, casWith] = [byFingerprint(records), byFingerprint(cas)];
  const bySubject = Map.groupBy(cas, ({ facts }) => facts.subject);
  return {
    recordsOf: (node) => ofNodes.get(nodeKey(node)) ?? [],
    recordWith: (fingerprint256) => recordsWith.get(fingerprint256 ?? ''),
    caWith: (fingerprint256) => casWith.get(fingerprint256 ?? ''),
    casNamed: (subject) => bySubject.get(subject) ?? [],
  };
};
