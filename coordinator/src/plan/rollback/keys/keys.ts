import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { type AnyConnectionRecord, proofOf } from '../../connection/connection-records.ts';
import type { NodeObservation } from '../../facts.ts';
import type { KeyBefore } from '../../keys/key-before.ts';
import { agentFailed, agentOffline, notInCluster } from '../../node/agent-findings.ts';
import { type NodeId, nodeKey } from '../../node/node-id.ts';
import type { AnyStep, PlannedStep } from '../../steps.ts';
import { changesOn, deliveriesOf } from '../deliveries.ts';
import { beforeOf, connectionsOf, isOf, type PastRun, type RollbackFacts } from '../facts.ts';
import type { Part } from '../settings.ts';

export const KEY_STAGE = 'api-keys';

interface Update {
  readonly input: PlannedStep<'api-key.update'>['input'];
  readonly before: KeyBefore;
}

/** Keys that the run changed in place, the newest change first. */
const updatesOf = ({ plan, steps }: PastRun): Update[] =>
  plan.steps.toReversed().flatMap((step): Update[] => {
    const before = beforeOf(steps.get(step.id)) as KeyBefore | undefined;
    return step.kind === 'api-key.update' && before !== undefined ? [{ input: step.input, before }] : [];
  });

/** Keys that the run was to invalidate. */
const retiredOf = ({ plan }: PastRun): string[] =>
  plan.steps.flatMap((step) => (step.kind === 'api-key.invalidate' ? [step.input.secret] : []));

/** Secrets of the keys that were there before the run, as far as it had to do with them: those that it changed or ended, and that of the connection as it was. */
export const earlierSecretsOf = (run: PastRun): string[] => {
  const connections = run.plan.steps.flatMap((step) => {
    const before = beforeOf(run.steps.get(step.id)) as AnyConnectionRecord | null | undefined;
    if (step.kind !== 'connection.record' || !before) return [];
    const { keySecret } = proofOf(before);
    return keySecret === null ? [] : [keySecret];
  });
  const identified = run.plan.steps.flatMap((step) => (step.kind === 'api-key.identify' ? [step.input.secret] : []));
  const updated = updatesOf(run).map(({ input }) => input.secret);
  return [...new Set([...connections, ...retiredOf(run), ...updated, ...identified])];
};

/** Whether a key that was there before still lets anybody in; one that is not on record never did. */
export const isUsable = ({ earlierKeys }: RollbackFacts, secret: string): boolean =>
  earlierKeys.some(({ record, usable }) => record.secret === secret && usable);

const putBackSteps = (facts: RollbackFacts): AnyStep[] =>
  updatesOf(facts.run).flatMap(({ input: { cluster, id, secret }, before }): AnyStep[] => {
    if (facts.apiKeys.find((record) => record.secret === secret)?.configHash === before.configHash) return [];
    // Elasticsearch changes no key that is invalidated or has ended.
    if (!isUsable(facts, secret)) return [];
    return [
      {
        ...{ id: `put-back-key-${id}`, kind: 'api-key.put-back', target: cluster, effect: 'api', stage: KEY_STAGE },
        reason: 'the run had the key grant something else',
        diff: `~ key ${id}: access ${JSON.stringify(before.access)}`,
        input: { cluster, id, secret, before },
      },
    ];
  });

/** Clusters that may use a key: those whose nodes the run gave it to. */
const localsOf = ({ run }: RollbackFacts): string[] => [...new Set(connectionsOf(run).map(({ local }) => local))];

/** Nodes of which each agent is asked whether the keystore has a key, before that is invalidated. */
const holders = (facts: RollbackFacts): { readonly cluster: string; readonly node: NodeObservation }[] =>
  localsOf(facts).flatMap((cluster) => (facts.clusters.get(cluster)?.nodes ?? []).map((node) => ({ cluster, node })));

/** Entries of a node that have a key and are not among what is taken out. */
const keptEntries = (
  facts: RollbackFacts,
  { cluster, node }: NodeId,
  agent: NodeObservation['agent'],
  secret: string,
) => {
  const goes = changesOn(facts, { cluster, node });
  const entries = agent.state === 'online' ? (agent.facts.keystore.entries ?? []) : [];
  return entries.filter(
    ({ name, reference }) =>
      reference === secret && !goes.some((one) => one.kind === 'entry' && one.name === name && one.state === 'ours'),
  );
};

/** Whether a `connect` or `migrate` ended before it came to any node of the local cluster. What is limited to some nodes makes the key for others too. */
const endedBefore = (facts: RollbackFacts, delivered: readonly NodeId[]): boolean => {
  const { workflow, wanted } = facts.run.plan;
  const isWhole = workflow === 'migrate' || (workflow === 'connect' && (wanted as ConnectRequest).nodes === undefined);
  const locals = localsOf(facts);
  return isWhole && !delivered.some(({ cluster }) => locals.includes(cluster));
};

/**
 * Whether a run never came to a node, which then does not have the key that it made: whoever gave it that since is rolled back first. A restore of the store from a
 * back-up may have lost that it did.
 */
const isUnreached = (facts: RollbackFacts): ((node: NodeId) => boolean) => {
  const { plan, restored } = facts.run;
  const delivered = deliveriesOf(facts.run);
  const reached = new Set(delivered.map(nodeKey));
  const isTold = ['rotate-key', 'adopt'].includes(plan.workflow) || endedBefore(facts, delivered);
  return (node) => isTold && restored === null && !reached.has(nodeKey(node));
};

/** Why it cannot be asked whether the keystore of a node has a key; null where it can, and where there is no agent to ask. */
const silenceOf = (cluster: string, node: NodeObservation, key: string): string | null => {
  const silent = agentOffline(node, { name: cluster }) ?? agentFailed(node, { name: cluster });
  if (silent !== null || node.agent.state !== 'online' || node.agent.facts.keystore.entries !== null) return silent;
  return `The keystore of node ${node.name} (cluster ${cluster}) cannot be read, so whether it has API key ${key} is not known: ${node.agent.facts.keystore.refusal ?? ''}`;
};

const absentOf = (facts: RollbackFacts): NodeId[] =>
  localsOf(facts).flatMap(
    (cluster) => facts.clusters.get(cluster)?.absentNodes.map((node) => ({ cluster, node })) ?? [],
  );

/** Nodes that cannot be asked and that the run never came to: nobody waits for them. */
const awayOf = (facts: RollbackFacts): NodeId[] => {
  const silent = holders(facts).filter(({ cluster, node }) => silenceOf(cluster, node, '') !== null);
  return [...silent.map(({ cluster, node }) => ({ cluster, node: node.name })), ...absentOf(facts)].filter(
    isUnreached(facts),
  );
};

/** Whether the run made its key for others: no keystore here has it, and nobody could be asked. */
const isForOthers = ({ run }: RollbackFacts): boolean => run.plan.workflow === 'create-key';

/** Noted too: by what is on record it is told who was given a key that still lets them in. */
const revokeSteps = (facts: RollbackFacts): AnyStep[] =>
  facts.keys
    .filter(({ usable }) => usable)
    .flatMap(({ record }): AnyStep[] => {
      const { cluster, id, name, secret } = record;
      const noted = { ...record, revoked: true } as const;
      return [
        {
          ...{ id: `revoke-key-${id}`, kind: 'api-key.revoke', target: cluster, effect: 'api', stage: KEY_STAGE },
          ...{ reason: 'the run made the key', diff: `- key ${name} (${secret})`, input: { cluster, id } },
        },
        {
          ...{ id: `note-revoked-${id}`, kind: 'inventory.put-back', target: 'coordinator', effect: 'none' },
          ...{ reason: 'nobody gets in with it any more', diff: `~ API key ${secret}: revoked`, stage: KEY_STAGE },
          input: { records: [{ collection: 'apiKeys', id: secret, record: noted }] },
        },
      ];
    });

const invalidateSteps = (facts: RollbackFacts): AnyStep[] => {
  if (isForOthers(facts)) return revokeSteps(facts);
  const away = awayOf(facts).map(nodeKey);
  return facts.keys
    .filter(({ usable }) => usable)
    .map(({ record: { cluster, id, name, secret } }) => ({
      ...{ id: `invalidate-key-${id}`, kind: 'api-key.invalidate', target: cluster, effect: 'api', stage: KEY_STAGE },
      ...{ reason: 'the run made the key', diff: `- key ${name} (${secret})` },
      input: { cluster, id, secret, locals: localsOf(facts), ...(away.length === 0 ? {} : { away }) },
    }));
};

/** What would have a key not invalidated once all else is done: an agent that cannot be asked, or a node that keeps the key. */
const holderFindings = (facts: RollbackFacts): string[] => {
  const made = facts.keys.filter(({ usable }) => usable).map(({ record }) => record);
  const [first] = made;
  if (!first || isForOthers(facts)) return [];
  const where = localsOf(facts).join(', ') || 'the local cluster';
  const nodes = holders(facts).filter(({ node }) => node.agent.state !== 'missing');
  // What a deployment has its cloud tells, once it comes to that.
  const isAgentless = localsOf(facts).every((name) => facts.clusters.get(name)?.deployment !== undefined);
  if (nodes.length === 0 && !isAgentless)
    return [
      `API key ${first.name} of cluster ${first.cluster} is to be invalidated, and no node of ${where} has an agent that could say whether a keystore still has it: join one with \`remora agent join\`, or invalidate the key by hand.`,
    ];
  const isNeeded = (node: NodeId): boolean => !isUnreached(facts)(node);
  return [
    ...absentOf(facts)
      .filter(isNeeded)
      .map(
        ({ cluster, node }) =>
          `Node ${node} of cluster ${cluster} ${notInCluster(`, and whether its keystore has API key ${first.name} is not known`)}.`,
      ),
    ...nodes.flatMap(({ cluster, node }) => {
      const { name, agent } = node;
      const silent = silenceOf(cluster, node, first.name);
      if (silent !== null) return isNeeded({ cluster, node: name }) ? [silent] : [];
      return made.flatMap((record) =>
        keptEntries(facts, { cluster, node: name }, agent, record.secret).map(
          (entry) =>
            `The keystore of node ${name} (cluster ${cluster}) has API key ${record.name} as ${entry.name}, which the run did not write there: take it out first.`,
        ),
      );
    }),
  ];
};

const sharedFindings = (facts: RollbackFacts): string[] =>
  facts.keys.flatMap(({ record }) => {
    const user = facts.connections.find((one) => proofOf(one).keySecret === record.secret && !isOf(facts.run, one));
    return user ? [`API key ${record.name} is used by the connection ${user.local}/${user.alias} too.`] : [];
  });

const updateWarnings = (facts: RollbackFacts, now: string): string[] =>
  updatesOf(facts.run).flatMap(({ input: { id, secret, expiration }, before: { expiresAtMs } }) => {
    if (!isUsable(facts, secret))
      return [`API key ${id} is invalidated or has ended: it cannot grant again what it granted before the run.`];
    if (expiresAtMs === null && expiration !== null)
      return [`API key ${id} had no end before. Elasticsearch cannot take the end away again that the run gave it.`];
    if (expiresAtMs !== null && expiresAtMs <= Date.parse(now))
      return [
        `API key ${id} had its end at ${new Date(expiresAtMs).toISOString()} before, which is over: it keeps the end that the run gave it.`,
      ];
    return [];
  });

const unaskedWarnings = (facts: RollbackFacts): string[] => {
  const [first] = facts.keys.filter(({ usable }) => usable);
  if (!first) return [];
  if (isForOthers(facts))
    return [`Whoever was given API key ${first.record.name} of cluster ${first.record.cluster} is let in no more.`];
  const bare = holders(facts).filter(({ node }) => node.agent.state === 'missing');
  return [
    ...bare.map(
      ({ cluster, node }) =>
        `Node ${node.name} of cluster ${cluster} has no agent: whether its keystore has the API key that is invalidated is not asked.`,
    ),
    ...awayOf(facts).map(
      ({ cluster, node }) =>
        `Node ${node} of cluster ${cluster} cannot be asked whether its keystore has the API key that is invalidated: the run never came to it, so it is not waited for.`,
    ),
  ];
};

/** Has keys grant what they granted before, and invalidates those that the run made. */
export const keysPart = (facts: RollbackFacts, now: string): Part => ({
  steps: [...putBackSteps(facts), ...invalidateSteps(facts)],
  warnings: [...updateWarnings(facts, now), ...unaskedWarnings(facts)],
  findings: [...sharedFindings(facts), ...holderFindings(facts)],
});
