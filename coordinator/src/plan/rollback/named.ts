import { RemoraError } from '@remora/shared/errors.ts';
import type { CertificateRecord } from '../records.ts';
import { otherNamesOf } from '../trust/other-names.ts';
import { restrictionsFile, restrictionsPath } from '../trust/restrictions.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';

/** Nodes whose trust was restricted by names since would turn away what goes back to a certificate without them. */
export const refuseUnnamed = ({ run, clusters }: RollbackFacts): void => {
  for (const step of run.plan.steps) {
    if (step.kind !== 'certificate.issue' || run.steps.get(step.id)?.status !== 'succeeded') continue;
    const { cluster, node, otherNames = [] } = step.input;
    if (otherNames.length === 0) continue;
    const before = beforeOf(run.steps.get(step.id)) as CertificateRecord | null | undefined;
    const names = before ? otherNamesOf(before.facts) : [];
    const restricted = clusters.get(cluster)?.nodes.find((one) => restrictionsPath(one) !== undefined);
    if (restricted === undefined || otherNames.every((name) => names.includes(name))) continue;
    throw new RemoraError(
      'conflict',
      `Run ${run.runId} cannot be rolled back: node ${restricted.name} of cluster ${cluster} trusts by names (${restrictionsPath(restricted)}), and node ${node} would get a certificate back without the name ${otherNames.join(', ')}.`,
      { hint: `Take the restrictions out first: \`remora trust-restrictions remove ${cluster}\`.` },
    );
  }
};

/** The CA of a deployment in Elastic Cloud lets everybody of its region in where no names restrict trust any more: somebody took the setting out by hand, or named another file. */
export const refuseUnrestricted = ({ run, clusters }: RollbackFacts): void => {
  for (const step of run.plan.steps) {
    if (step.kind !== 'deployment-trust.record' || step.input.trust !== null) continue;
    for (const cluster of run.plan.clusters) {
      const open = clusters.get(cluster)?.nodes.find((node) => restrictionsPath(node) !== restrictionsFile);
      if (open === undefined) continue;
      throw new RemoraError(
        'conflict',
        `Run ${run.runId} cannot be rolled back: node ${open.name} of cluster ${cluster} would trust the CA of a deployment in Elastic Cloud again, and its trust is not restricted by ${restrictionsFile} any more, so that everybody in the region would be let in.`,
        { hint: `Restrict it again first: \`remora trust-restrictions set ${cluster}\`.` },
      );
    }
  }
};
