import { isIp } from '@remora/shared/model/values/address.ts';
import type { CertificateIssue } from '../certificates/certificate-issue.ts';
import { wishedLifeMs } from '../certificates/certificate-life.ts';
import { commonNameOf } from '../certificates/server-certificate.ts';
import type { NodeId } from '../node/node-id.ts';
import type { CertificateRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { proofStep, serverProof } from '../trust/port-proof.ts';
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

/**
 * The proof that the remote cluster port of a node serves what the run gave it no more. What it serves instead is whatever stood there: of a certificate that was issued
 * and never placed the record before the run tells nothing.
 */
const serverBack = ({ run, certificates }: RollbackFacts, issue: CertificateIssue, stage: string): AnyStep[] => {
  const left = certificates.find(
    ({ cluster, node, purpose }) => cluster === issue.cluster && node === issue.node && purpose === issue.purpose,
  );
  if (!replacing.includes(run.plan.workflow) || left === undefined) return [];
  const proof = serverProof(`verify-server-${issue.cluster}.${issue.node}`, issue, stage, []);
  const reason = 'the port must serve what it served before';
  return [{ ...proof, reason, input: { ...proof.input, gone: left.facts.fingerprint256 } } as AnyStep];
};

/**
 * Proves the certificates that go back as files alone on these nodes: Elasticsearch takes a moment to read them, and until then
 * nodes serve those of the run, which the next phase has others trust no more. One that has ended is trusted by nobody, and not waited for.
 */
export const servedSteps = (
  facts: RollbackFacts,
  nodes: readonly NodeId[],
  { stage, now }: { readonly stage: string; readonly now: string },
): AnyStep[] =>
  facts.run.plan.steps.flatMap((step) => {
    if (step.kind !== 'certificate.issue') return [];
    const { cluster, node, purpose } = step.input;
    const before = beforeOf(facts.run.steps.get(step.id)) as CertificateRecord | null | undefined;
    const isBack = nodes.some((one) => one.cluster === cluster && one.node === node);
    if (!isBack) return [];
    if (purpose === 'remote_cluster_server') return serverBack(facts, step.input, stage);
    // Of a PEM file it can be seen what stands there, also where that is not Remora's.
    if (step.input.key !== undefined) {
      const proof = proofStep({ ...step.input, purpose }, stage, []);
      return [{ ...proof, input: { ...proof.input, asInFile: true } } as AnyStep];
    }
    if (!before || before.facts.notAfter <= now) return [];
    const proof = proofStep({ ...issueOf(before), purpose }, stage, []);
    return [{ ...proof, input: { ...proof.input, fingerprint256: before.facts.fingerprint256 } } as AnyStep];
  });
