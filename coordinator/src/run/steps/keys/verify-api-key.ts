import { RemoraError } from '@remora/shared/errors.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { askOver } from '../../../observe/connections/proof.ts';
import { refusedKeyId } from '../../../plan/connection/proof-hints.ts';
import { credentialEntry } from '../../../plan/keys/key-names.ts';
import { keystorePasswordInput, keystorePasswordReference } from '../../../plan/node/node-step.ts';
import type { DeploymentId } from '../../../plan/records.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { ANSWER_LIMIT_MS, askUntil } from '../ask-until.ts';
import { aliasesWithKey } from '../cluster/deployment-keys.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';

const INSPECT_LIMIT_MS = 60_000;

interface Asked {
  readonly parts: StepParts;
  readonly context: StepContext;
  readonly input: StepInputs['api-key.verify'];
  readonly keyId: string;
}

/** Whether the node's keystore holds the key: a restart would load what stands there. */
const inKeystore = async ({ parts, context, input }: Asked, node: string): Promise<string | null> => {
  const { local: cluster, alias, secret } = input;
  const password = keystorePasswordReference({ secretVersions: await parts.secretVersions() }, cluster, node);
  const ask = { settings: [], files: [], ...keystorePasswordInput(password) };
  const { keystore } = await patientRead({ parts, context }, { cluster, node }, 'inspect', ask, INSPECT_LIMIT_MS);
  const name = credentialEntry(alias);
  const held = keystore.entries?.find((entry) => entry.name === name);
  return held?.reference === secret ? null : `the keystore of ${node} does not have it`;
};

/** Whether the remote cluster names the key when it refuses the node what no key of the connection grants. One that refuses nothing names none. */
const inUse = async ({ parts, input, keyId }: Asked, node: string): Promise<string | null> => {
  const { local: cluster, alias, refusedIndex } = input;
  if (refusedIndex === null) return null;
  const answer = await askOver(parts, { cluster, node }, alias, refusedIndex);
  if (typeof answer === 'string') return `${node} answers ${answer}`;
  const used = refusedKeyId(answer ?? {});
  if (used === keyId || (used === null && answer?.connected)) return null;
  return used === null
    ? `${node} does not say which key it uses: ${answer?.error ?? 'it is not connected'}`
    : `${node} uses API key ${used}`;
};

/** By its keystore, and by as many requests as it has nodes that connect: Elastic Cloud chooses which of them sends each. */
const ofDeployment = async (asked: Asked, deployment: DeploymentId, nodes: number): Promise<string | null> => {
  const { parts, context, input } = asked;
  const aliases = await aliasesWithKey(parts, deployment, input.secret, context.signal);
  if (!aliases.includes(input.alias)) return 'the keystore of the deployment does not have it';
  const answers = await Promise.all(Array.from({ length: nodes }, () => inUse(asked, input.local)));
  return answers.find((why) => why !== null) ?? null;
};

/** By what each node that connects has in its keystore, and by what the remote cluster says of the node's own requests. */
export const verifyApiKeyStep =
  (parts: StepParts): Executor<'api-key.verify'> =>
  async (context, input) => {
    const key = await parts.inventory.apiKeys.get(input.secret);
    if (key === null) throw new RemoraError('step-failed', `No API key is on record for ${input.secret}.`);
    const asked: Asked = { parts, context, input, keyId: key.id };
    const ask = async (): Promise<string | null> => {
      const { deployment } = await parts.clients.record(input.local);
      const nodes = await listNodes(await parts.clients.get(input.local));
      const connecting = nodes.filter(
        ({ name, roles }) => roles.includes('remote_cluster_client') && (input.nodes?.includes(name) ?? true),
      );
      if (deployment !== undefined) return ofDeployment(asked, deployment, connecting.length);
      const answers = connecting.map(async ({ name }) => (await inKeystore(asked, name)) ?? (await inUse(asked, name)));
      return (await Promise.all(answers)).find((why) => why !== null) ?? null;
    };
    await context.phase('asking every node which key it uses');
    const sentence = (why: string): string => `API key ${key.name} is not the one in use: ${why}.`;
    await askUntil(context, ANSWER_LIMIT_MS, ask, { sentence });
    return { id: key.id };
  };
