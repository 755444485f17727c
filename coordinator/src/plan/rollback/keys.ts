import type { AnyStep, KeyBefore } from '../steps.ts';
import { beforeOf, isOf, type RollbackFacts, wantedOf } from './facts.ts';
import type { Part } from './settings.ts';

export const KEY_STAGE = 'api-keys';

const putBackSteps = ({ run, apiKeys }: RollbackFacts): AnyStep[] =>
  run.plan.steps.toReversed().flatMap((step): AnyStep[] => {
    const before = beforeOf(run.steps.get(step.id)) as KeyBefore | undefined;
    if (step.kind !== 'api-key.update' || before === undefined) return [];
    const { cluster, id, secret } = step.input;
    if (apiKeys.find((record) => record.secret === secret)?.configHash === before.configHash) return [];
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
const localsOf = ({ run }: RollbackFacts): string[] => {
  const wanted = wantedOf(run);
  return wanted === null ? [] : [wanted.local];
};

const invalidateSteps = (facts: RollbackFacts): AnyStep[] =>
  facts.keys
    .filter(({ usable }) => usable)
    .map(({ record: { cluster, id, name, secret } }) => ({
      ...{ id: `invalidate-key-${id}`, kind: 'api-key.invalidate', target: cluster, effect: 'api', stage: KEY_STAGE },
      ...{ reason: 'the run made the key', diff: `- key ${name} (${secret})` },
      input: { cluster, id, secret, locals: localsOf(facts) },
    }));

const warningsOf = ({ run }: RollbackFacts): string[] =>
  run.plan.steps.flatMap((step) => {
    const before = beforeOf(run.steps.get(step.id)) as KeyBefore | undefined;
    return step.kind === 'api-key.update' && before?.expiresAtMs === null && step.input.expiration !== null
      ? [
          `API key ${step.input.id} had no end before. Elasticsearch cannot take the end away again that the run gave it.`,
        ]
      : [];
  });

/** Has keys grant what they granted before, and invalidates those that the run made. */
export const keysPart = (facts: RollbackFacts): Part => ({
  steps: [...putBackSteps(facts), ...invalidateSteps(facts)],
  warnings: warningsOf(facts),
  findings: facts.keys.flatMap(({ record }) => {
    const user = facts.connections.find((one) => one.keySecret === record.secret && !isOf(facts.run, one));
    return user ? [`API key ${record.name} is used by the connection ${user.local}/${user.alias} too.`] : [];
  }),
});
