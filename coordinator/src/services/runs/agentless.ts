import { RemoraError } from '@remora/shared/errors.ts';
import type { ClusterRecord } from '../../plan/records.ts';
import type { Collection } from '../../store/inventory.ts';
import type { Wishes, WorkflowName } from './workflows.ts';

/** What changes nodes through their agents: whose nodes, and what does it for a deployment, a sentence. */
type NeedsAgents = {
  readonly [N in WorkflowName]?: {
    readonly of: (wish: Wishes[N]) => readonly (string | undefined)[];
    readonly instead: string;
  };
};

const BY_KEYS = 'Between a deployment and others `remora connect` makes connections by API key.';
const CLOUD = 'Elastic Cloud does that itself.';

const needsAgents: NeedsAgents = {
  'connect-certificate': {
    of: ({ local, remote }) => [local, remote],
    instead: '`remora clouds trust` and `remora clouds ca` do what certificates need of a deployment.',
  },
  'connect-foreign': {
    of: ({ local }) => [local],
    instead: '`remora clouds key` puts a key of others into its keystore.',
  },
  migrate: { of: ({ local }) => [local], instead: BY_KEYS },
  adopt: { of: ({ local }) => [local], instead: BY_KEYS },
  restart: { of: ({ cluster }) => [cluster], instead: CLOUD },
  'rotate-certificates': { of: ({ cluster }) => [cluster], instead: CLOUD },
  'place-certificates': { of: ({ cluster }) => [cluster], instead: CLOUD },
  'trust-restrictions': { of: ({ cluster }) => [cluster], instead: '`remora clouds trust` says whom it trusts.' },
  'trust-restrictions-removal': {
    of: ({ cluster }) => [cluster],
    instead: '`remora clouds trust` says whom it trusts.',
  },
};

/** Throws `bad-input` where a workflow would change nodes of a deployment in Elastic Cloud, which have no agents. */
export const refuseAgentless = async <N extends WorkflowName>(
  clusters: Pick<Collection<ClusterRecord>, 'get'>,
  workflow: N,
  wish: Wishes[N],
): Promise<void> => {
  const need = needsAgents[workflow];
  for (const name of need?.of(wish) ?? []) {
    const deployment = name === undefined ? undefined : (await clusters.get(name))?.deployment;
    if (deployment === undefined) continue;
    throw new RemoraError(
      'bad-input',
      `Cluster ${name} is deployment ${deployment.id} of cloud ${deployment.cloud}: its nodes have no agents, by which this is done.`,
      { hint: need?.instead ?? CLOUD },
    );
  }
};
