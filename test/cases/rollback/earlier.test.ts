import { describe, expect, test } from 'vitest';
import type { KeyObservation } from '../../../coordinator/src/plan/facts.ts';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import type { AnyStep, StepKind } from '../../../coordinator/src/plan/steps.ts';
import { certificateFacts } from '../connect/facts.ts';
import { world } from '../connect/world.ts';
import { change, connected, done, keyOf, roll, withBackup } from './connected.ts';

const EARLIER = 'secret:connection/eu/us/api-key@1';
const earlierKey = keyOf(EARLIER, 'k0', 'remora-eu-us-run-0-1-r1');

const stepOf = ({ run }: RollbackFacts, kind: StepKind): AnyStep => {
  const step = run.plan.steps.find((one) => one.kind === kind);
  if (!step) throw new Error(`the plan has no ${kind}`);
  return step;
};

const remembering = (facts: RollbackFacts, kind: StepKind, before: unknown): RollbackFacts => {
  const steps = new Map(facts.run.steps);
  steps.set(stepOf(facts, kind).id, done({ kept: { before } }));
  return { ...facts, run: { ...facts.run, steps } };
};

const entry = change('entry', 'cluster.remote.us.credentials', { existed: true });

/** A connection that was there, with a key of its own, and got other values and another key by the run. */
const updated = (more: Partial<RollbackFacts> = {}, nodes = 1): RollbackFacts => {
  const { facts } = connected(world({ remote: 3, local: nodes }));
  const [now] = facts.connections;
  const alias = stepOf(facts, 'cluster-settings.put');
  if (alias.kind !== 'cluster-settings.put') throw new Error('no settings');
  const registered = Object.fromEntries(
    Object.keys(alias.input.persistent).map((name) => [name, name.endsWith('.seeds') ? ['10.0.1.9:9443'] : null]),
  );
  const recorded = remembering(facts, 'connection.record', { ...now, keySecret: EARLIER });
  const all = remembering(recorded, 'cluster-settings.put', registered);
  const backed = ['eu/eu-1', 'eu/eu-2']
    .slice(0, nodes)
    .reduce((f, node) => withBackup(f, node, { changes: [entry] }), all);
  return { ...backed, earlierKeys: [earlierKey], ...more };
};

const dead: KeyObservation = { ...earlierKey, usable: false };
const proofOf = (facts: RollbackFacts): AnyStep | undefined =>
  roll(facts).steps.find(({ kind }) => kind === 'connection.prove');

describe('a connection that was there before the run', () => {
  test('is proven with its own key before the key of the run is invalidated', () => {
    const { steps, warnings } = roll(updated());
    const kinds = steps.map(({ kind }) => kind);
    expect(kinds.indexOf('connection.prove')).toBeGreaterThan(kinds.lastIndexOf('secure-settings.reload'));
    expect(kinds.indexOf('connection.prove')).toBeLessThan(kinds.indexOf('api-key.invalidate'));
    expect(proofOf(updated())?.input).toEqual({ local: 'eu', remote: 'us', alias: 'us', keySecret: EARLIER });
    expect(warnings).toEqual([]);
  });

  const without: readonly [string, readonly KeyObservation[], string][] = [
    ['is dead', [dead], 'API key remora-eu-us-run-0-1-r1'],
    ['is not on record', [], `API key ${EARLIER}`],
  ];
  test.each(without)(
    'goes back without a proof where its key %s, to the end, and the plan says so',
    (_, earlierKeys, key) => {
      const { steps, warnings } = roll(updated({ earlierKeys }));
      expect(steps.map(({ kind }) => kind)).not.toContain('connection.prove');
      expect(steps.slice(-3).map(({ kind }) => kind)).toEqual([
        ...['api-key.invalidate', 'inventory.put-back', 'run.rollback'],
      ]);
      expect(warnings).toEqual([
        `The connection eu/us as it was before has ${key}, which cannot be used any more (it was invalidated, has ended, or is not known): it is put back, is not proven, and will not work until \`remora connect eu us --alias us\` with what it shall grant has given it another key.`,
      ]);
    },
  );

  test('is not proven where it was filed and never registered', () => {
    const { facts } = connected();
    const [now] = facts.connections;
    const filed = remembering(facts, 'connection.record', { ...now, keySecret: facts.keys[0]?.record.secret });
    expect(proofOf(filed)).toBeUndefined();
    expect(roll(filed).warnings).toEqual([]);
  });

  test('is proven without a node that has no credential then, which the plan names', () => {
    const facts = updated({}, 2);
    const set = withBackup(facts, 'eu/eu-2', { changes: [change('entry', 'cluster.remote.us.credentials')] });
    expect(proofOf(set)?.input).toMatchObject({ nodes: ['eu-1'] });
    expect(roll(set).warnings).toEqual([expect.stringContaining('is proven without eu-2, which has no credential')]);
    const both = roll(facts);
    expect([both.warnings, proofOf(facts)?.input]).toEqual([
      [],
      expect.not.objectContaining({ nodes: expect.anything() }),
    ]);
  });

  test('is proven without a node that joined since and has no agent', () => {
    const made = world({ remote: 3, local: 2 });
    const { facts } = connected(made);
    const eu = facts.clusters.get('eu');
    const joined = eu?.nodes.map((node) =>
      node.name === 'eu-2' ? { ...node, agent: { state: 'missing' as const } } : node,
    );
    const base = updated({}, 2);
    const steps = new Map([...base.run.steps].filter(([id]) => id !== 'change-eu.eu-2' && id !== 'reload-eu.eu-2'));
    const since = {
      ...base,
      run: { ...base.run, steps },
      clusters: new Map([...base.clusters, ['eu', { ...eu, nodes: joined } as never]]),
    };
    expect(proofOf(since)?.input).toMatchObject({ nodes: ['eu-1'] });
    expect(roll(since).warnings).toEqual([
      'Node eu-2 of cluster eu has no agent: whether its keystore has the API key that is invalidated is not asked.',
      expect.stringContaining('is proven without eu-2'),
    ]);
  });

  test.each([1, 2])(
    'does not make another plan when an agent comes or goes that it does not change, of %i',
    (nodes) => {
      const base = updated({ keys: [] }, nodes);
      const last = `eu-${nodes}`;
      const steps = new Map([...base.run.steps].filter(([id]) => !id.endsWith(`-eu.${last}`)));
      const facts = { ...base, run: { ...base.run, steps } };
      const eu = facts.clusters.get('eu');
      const away = eu?.nodes.map((node) => (node.name === last ? { ...node, agent: { state: 'offline' } } : node));
      const without = { ...facts, clusters: new Map([...facts.clusters, ['eu', { ...eu, nodes: away } as never]]) };
      const whole = roll(facts);
      expect(proofOf(facts)?.input).not.toHaveProperty('nodes');
      expect(proofOf(without)?.input).toEqual(nodes === 1 ? undefined : expect.objectContaining({ nodes: ['eu-1'] }));
      expect(roll(without).hash).toBe(whole.hash);
      expect(roll({ ...facts, earlierKeys: [dead] }).hash).not.toBe(whole.hash);
    },
  );

  test('is not proven where a certificate goes back that has ended', () => {
    const ended = {
      ca: 'us-remote',
      cluster: 'us',
      node: 'us-1',
      facts: certificateFacts('old', 0, Date.parse('2026-03-01T11:59:00Z')),
    };
    const facts = remembering(updated(), 'certificate.issue', ended);
    expect(proofOf(facts)).toBeUndefined();
    expect(roll(facts).warnings).toEqual([
      expect.stringContaining('node us-1 of cluster us gets back has ended at 2026-03-01T11:59:00.000Z'),
    ]);
  });
});

describe('a key that the run changed', () => {
  const changed = (key: KeyObservation, expiresAtMs: number | null): RollbackFacts => {
    const facts = updated({ earlierKeys: [key], keys: [], apiKeys: [{ ...key.record, configHash: 'other' }] });
    const { access } = facts.connections[0] as { access: object };
    const made = stepOf(facts, 'api-key.create');
    const update = {
      ...made,
      id: 'update-api-key',
      kind: 'api-key.update',
      input: { ...made.input, id: 'k0', secret: EARLIER, expiration: '90d' },
    } as AnyStep;
    const steps = facts.run.plan.steps.map((step) => (step === made ? update : step));
    const states = new Map(facts.run.steps).set(
      'update-api-key',
      done({ kept: { before: { access, metadata: {}, expiresAtMs, configHash: 'h' } } }),
    );
    return { ...facts, run: { ...facts.run, plan: { ...facts.run.plan, steps }, steps: states } };
  };
  const kindsOf = (facts: RollbackFacts): string[] => roll(facts).steps.map(({ kind }) => kind);

  test('grants what it granted, while Elasticsearch takes a change of it', () => {
    expect(kindsOf(changed(earlierKey, 1))).toContain('api-key.put-back');
    expect(roll(changed(earlierKey, 1)).warnings).toEqual([
      'API key k0 had its end at 1970-01-01T00:00:00.001Z before, which is over: it keeps the end that the run gave it.',
    ]);
    expect(roll(changed(earlierKey, null)).warnings).toEqual([expect.stringContaining('had no end before')]);
    expect(kindsOf(changed(dead, null))).not.toContain('api-key.put-back');
    expect(roll(changed(dead, null)).warnings).toContain(
      'API key k0 is invalidated or has ended: it cannot grant again what it granted before the run.',
    );
  });
});
