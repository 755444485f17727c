import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseClusterName, parseNodeName } from '../values/names.ts';

/** What `restart` asks for: the nodes of a cluster are restarted one by one, all of them or those that are named. */
export const RestartRequest = Type.Object(
  {
    cluster: Type.String({ minLength: 1, maxLength: 1024 }),
    nodes: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { minItems: 1, maxItems: 2000 })),
    /** Nodes whose agents are away are planned too; only for a run that waits for them (`waitOffline` of the options). */
    waitOffline: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type RestartRequest = Static<typeof RestartRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkRestartRequest = ({ cluster, nodes = [] }: RestartRequest): void => {
  parseClusterName(cluster);
  for (const node of nodes) parseNodeName(node);
  const twice = nodes.find((node, index) => nodes.indexOf(node) !== index);
  if (twice !== undefined) throw new RemoraError('bad-input', `--limit names ${twice} twice.`);
};
