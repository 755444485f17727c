import { RemoraError } from '@remora/shared/errors.ts';
import { handedRecords } from '../../keys/handed-key.ts';
import { beforeOf, type PastRun, type RollbackFacts } from '../facts.ts';

/** Clusters on which the run gave a node its first certificate for the remote cluster server: without the run there is none. */
const setUp = ({ plan, steps }: PastRun): string[] =>
  plan.steps.flatMap((step) =>
    step.kind === 'certificate.issue' &&
    step.input.purpose === 'remote_cluster_server' &&
    steps.get(step.id)?.status === 'succeeded' &&
    beforeOf(steps.get(step.id)) === null
      ? [step.input.cluster]
      : [],
  );

/**
 * Refuses to turn a remote cluster server off by which those get in who were given a key: nobody here sees their nodes. A key that the run made itself goes with it; a
 * placement finds servers that run, and leaves them running.
 */
export const refuseHandedOut = ({ run, apiKeys }: RollbackFacts, now: string): void => {
  if (run.plan.workflow === 'place-certificates') return;
  const served = setUp(run);
  const made = run.plan.steps.flatMap((step) => (step.kind === 'api-key.create' ? [step.input.secret] : []));
  const other = handedRecords(apiKeys, now).find(
    ({ remote, record }) => served.includes(remote) && !made.includes(record.secret),
  );
  if (!other) return;
  const { remote, whom, record } = other;
  throw new RemoraError(
    'conflict',
    `Run ${run.runId} cannot be rolled back: ${whom}, for whom the API key ${record.name} was made, uses the remote cluster server of ${remote} too, which the run set up.`,
    { hint: `End that key first with \`remora api-keys revoke ${remote} --for ${whom}\`.` },
  );
};
