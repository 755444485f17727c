import { RemoraError } from '@remora/shared/errors.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { askConfigured, type ConfiguredAnswer } from '../../../observe/certificates/ssl-certificates.ts';
import type { NodeId } from '../../../plan/node/node-id.ts';
import { reloadInterval } from '../../../plan/node/reload-interval.ts';
import type { StepContext } from '../../executor.ts';
import { ANSWER_LIMIT_MS, askUntil } from '../ask-until.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';

/**
 * Which certificates a node's process finds in these of its files, by `_ssl/certificates`; see `waitForReload` for what that does not tell. An agent that is away
 * is waited for.
 */
export const configuredWith = async (
  parts: StepParts,
  context: StepContext,
  node: NodeId,
  paths: readonly string[],
): Promise<ConfiguredAnswer> => {
  const answer = await askConfigured(parts.clients, node.cluster, (input, timeoutMs) =>
    patientRead({ parts, context }, node, 'request', input, timeoutMs),
  );
  // Elasticsearch tells paths relative to its configuration directory, or whole.
  const certificates = answer.certificates.filter(({ path }) =>
    paths.some((one) => path === one || path.endsWith(`/${one}`)),
  );
  return { ...answer, certificates };
};

/** How often a node's process looks at its files, in ms; null when it never does. */
const reloadIntervalOf = async (parts: StepParts, context: StepContext, node: NodeId): Promise<number | null> => {
  let interval: number | null = null;
  const ask = async (): Promise<string | null> => {
    const nodes = await listNodes(await parts.clients.get(node.cluster));
    const found = nodes.find(({ name }) => name === node.node);
    interval = reloadInterval(found?.settings ?? {});
    return found === undefined ? 'it is not in its cluster' : null;
  };
  await askUntil(context, ANSWER_LIMIT_MS, ask, {
    sentence: (why) =>
      `How often node ${node.node} of cluster ${node.cluster} looks at its files is not known: ${why}.`,
  });
  return interval;
};

/** Elasticsearch looks at its files every 5 s by default, and loads them some time after. */
const LOADED_LIMIT_MS = 120_000;

/** How long a node may take until it has loaded a file, in ms: people may have set a longer interval (`resource.reload.interval.high`). */
export const loadedLimitMs = async (parts: StepParts, context: StepContext, node: NodeId): Promise<number> =>
  LOADED_LIMIT_MS + 2 * ((await reloadIntervalOf(parts, context, node)) ?? 0);

/**
 * Until a node's process has looked at its files after now: after two of the intervals in which it does. `_ssl/certificates` reads files for its answer, so it does not
 * show what connections use. Answers how long that was, in ms; throws where it never does.
 */
export const waitForReload = async (parts: StepParts, context: StepContext, node: NodeId): Promise<number> => {
  const interval = await reloadIntervalOf(parts, context, node);
  if (interval === null)
    throw new RemoraError(
      'step-failed',
      `Node ${node.node} of cluster ${node.cluster} does not look at its files again (resource.reload.enabled: false).`,
    );
  await context.phase('waiting until the node has looked at its files');
  await context.sleep(2 * interval);
  return 2 * interval;
};
