import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import { explain } from '../../../elasticsearch/client.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { type NodeId, nodeKey } from '../../../plan/node/node-id.ts';
import type { SigningSettings } from '../../../plan/signing/signing-issue.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';
import { changeCrossing } from './crossing.ts';

const CALL_LIMIT_MS = 30_000;
const INSPECT_LIMIT_MS = 60_000;

/** Those of the files that a node lacks, by what its agent says now; a node without an agent may lack all. */
const filesLacked = async (
  parts: StepParts,
  context: StepContext,
  node: NodeId,
  paths: readonly string[],
): Promise<readonly string[]> => {
  if ((await parts.inventory.nodes.get(nodeKey(node))) === null) return paths;
  const input = { settings: [], files: [...paths], keystore: false };
  const { files } = await patientRead({ parts, context }, node, 'inspect', input, INSPECT_LIMIT_MS);
  return paths.filter((path) => !files.some((file) => file.path === path && file.digest !== null));
};

/**
 * A node that cannot find the file of a setting takes no state of its cluster any more, and Elasticsearch takes the setting all the same. So every node that is in the
 * cluster now is asked, also one that came since the plan was made.
 */
const refuseWithoutFiles = async (
  parts: StepParts,
  context: StepContext,
  client: Client,
  { cluster, persistent }: { readonly cluster: string; readonly persistent: SigningSettings },
): Promise<void> => {
  const paths = Object.values(persistent).filter((path) => path !== null);
  if (paths.length === 0) return;
  await context.phase('looking whether every node has the file');
  for (const { name } of await listNodes(client)) {
    const [lacked] = await filesLacked(parts, context, { cluster, node: name }, paths);
    if (lacked === undefined) continue;
    throw new RemoraError(
      'step-failed',
      `Node ${name} of cluster ${cluster} has no file ${lacked}, or no agent that could say so: with the setting that names it the node would take no state of its cluster any more.`,
      {
        hint: 'Join an agent there where it has none, copy the file of another node there, then `remora runs resume`.',
      },
    );
  }
};

const put = async (client: Client, cluster: string, persistent: SigningSettings): Promise<void> => {
  const names = Object.keys(persistent).join(', ');
  const answer = await client.cluster
    .putSettings({ persistent: { ...persistent }, flat_settings: true }, { requestTimeout: CALL_LIMIT_MS })
    .catch((error: unknown) => {
      throw explain(error, cluster, `Writing ${names}`);
    });
  if (answer.acknowledged) return;
  throw new RemoraError(
    'step-failed',
    `Cluster ${cluster} took ${names}, but not every node acknowledged it: one may not find the file.`,
    { hint: "Look into the nodes' logs for the reason." },
  );
};

/**
 * Elasticsearch shows these settings to nobody, so there is nothing to read again. It acknowledges them also where a node cannot read the file that they name: that
 * shows only at the next request.
 */
export const putSigningSettingsStep =
  (parts: StepParts): Executor<'signing-settings.put'> =>
  async (context, { cluster, persistent, before, crossing }) => {
    const client = await parts.clients.get(cluster);
    await refuseWithoutFiles(parts, context, client, { cluster, persistent });
    await rememberBefore(context, async () => before);
    await context.checkFence();
    await context.phase('writing cluster settings');
    await changeCrossing(parts, context, crossing, {
      make: () => put(client, cluster, persistent),
      undo: () => put(client, cluster, before),
    });
    return null;
  };
