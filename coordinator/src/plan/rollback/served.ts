import { isIp } from '@remora/shared/model/address.ts';
import { wishedLifeMs } from '../certificate-life.ts';
import { proofStep, serverProof } from '../port-proof.ts';
import type { CertificateRecord } from '../records.ts';
import { commonNameOf } from '../server-certificate.ts';
import type { AnyStep, CertificateIssue, NodeId, StoredPlan } from '../steps.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';

const issueOf = (record: CertificateRecord): CertificateIssue => {
  const { cluster, node, purpose, ca, path, names, p12Secret, passwordSecret, key } = record;
  return {
    ...{ cluster, node, purpose, ca, path, p12Secret, passwordSecret },
    ...(key === undefined ? {} : { key }),
    validityMs: wishedLifeMs(record),
    commonName: commonNameOf(node),
    dns: names.filter((name) => !isIp(name)),
    ip: names.filter(isIp),
    required: names,
  };
};

/** Workflows that replace what serves remote clusters and change no connection: what proves those is not there. */
const replacing = ['place-certificates', 'rotate-certificates'];

/** The proof that the remote cluster port of a node serves what it served before. */
const serverBack = (
  { workflow }: Pick<StoredPlan, 'workflow'>,
  issue: CertificateIssue,
  before: CertificateRecord | null | undefined,
  { stage, now }: { readonly stage: string; readonly now: string },
): AnyStep[] => {
  const isPem = issue.key !== undefined;
  if (!replacing.includes(workflow) || (!isPem && (!before || before.facts.notAfter <= now))) return [];
  const proof = serverProof(`verify-server-${issue.cluster}.${issue.node}`, issue, stage, []);
  const back = isPem || !before ? 'as-in-file' : { fingerprint256: before.facts.fingerprint256 };
  return [
    { ...proof, reason: 'the port must serve what it served before', input: { ...proof.input, back } } as AnyStep,
  ];
};

/**
 * Proves the certificates that go back as files alone on these nodes: Elasticsearch takes a moment to read them, and until then
 * nodes serve those of the run, which the next phase has others trust no more. One that has ended is trusted by nobody, and not waited for.
 */
export const servedSteps = (
  { run }: RollbackFacts,
  nodes: readonly NodeId[],
  { stage, now }: { readonly stage: string; readonly now: string },
): AnyStep[] =>
  run.plan.steps.flatMap((step) => {
    if (step.kind !== 'certificate.issue') return [];
    const { cluster, node, purpose } = step.input;
    const before = beforeOf(run.steps.get(step.id)) as CertificateRecord | null | undefined;
    const isBack = nodes.some((one) => one.cluster === cluster && one.node === node);
    if (!isBack) return [];
    if (purpose === 'remote_cluster_server') return serverBack(run.plan, step.input, before, { stage, now });
    // Of a PEM file it can be seen what stands there, also where that is not Remora's.
    if (step.input.key !== undefined) {
      const proof = proofStep({ ...step.input, purpose }, stage, []);
      return [{ ...proof, input: { ...proof.input, asInFile: true } } as AnyStep];
    }
    if (!before || before.facts.notAfter <= now) return [];
    const proof = proofStep({ ...issueOf(before), purpose }, stage, []);
    return [{ ...proof, input: { ...proof.input, fingerprint256: before.facts.fingerprint256 } } as AnyStep];
  });
