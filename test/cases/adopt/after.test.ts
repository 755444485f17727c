import { expect, test } from 'vitest';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { lines } from '../connect/plans.ts';
import { handMade } from '../connect/truth.ts';
import type { World } from '../connect/world.ts';
import { disconnected, planOff } from '../disconnect/plans.ts';
import { change, done, ended, RUN } from '../rollback/connected.ts';
import { planCa } from '../rotate-ca/plans.ts';
import { planKey } from '../rotate-key/plans.ts';
import { adopted, authorities, byHand, CREDENTIALS, connectAgain, planAdopt } from './plans.ts';

const BUNDLE = 'remora-remote-cluster-cas.crt';

test('disconnect takes alias, credential and key off, and leaves what people configured: nothing restarts', () => {
  const before = adopted(byHand());
  const plan = planOff(before);
  expect(lines(plan)).toEqual([
    'alias cluster-settings.put eu api',
    'credentials node.change eu-2 reload',
    'credentials node.change eu-1 reload',
    'reload secure-settings.reload eu-2 reload',
    'reload secure-settings.reload eu-1 reload',
    'api-key api-key.invalidate us api',
    'end inventory.put-back coordinator none',
  ]);
  const after = disconnected(before);
  expect(after.remote).toEqual(before.remote);
  for (const { yml, files, keystore } of after.local.nodes) {
    expect(yml.values[authorities]).toEqual([handMade.authorities]);
    expect([Object.keys(files), CREDENTIALS in keystore.entries]).toEqual([[handMade.authorities], false]);
  }
  expect(after.local.persistent).toEqual({});
});

test('requests over it are signed: every remote node gets the file that the trust names, also those whose server stays theirs', () => {
  const before = adopted(byHand());
  const signed = { certificateIdentity: 'CN=signer,O=x' };
  const on = applySteps(before, connectAgain(before, signed).steps);
  expect(on.remote.nodes.map(({ files }) => Object.keys(files))).toEqual([
    [handMade.server, 'remora-signing-cas.crt'],
    [handMade.server, 'remora-signing-cas.crt'],
  ]);
  expect(lines(connectAgain(on, signed))).toEqual([]);
  const off = applySteps(on, connectAgain(on).steps);
  expect([off.remote.hidden, off.remote.nodes.map(({ files }) => files)]).toEqual([
    {},
    before.remote.nodes.map(({ files }) => files),
  ]);
});

/** The same with a connection that Remora made beside it, by a CA of its own in its bundle. */
const withOther = (change: (made: World) => void = () => undefined): World => {
  const made = adopted(byHand());
  const [connection] = made.connections;
  const [ca] = made.cas;
  if (!connection || !ca) throw new Error('nothing was taken over');
  const { adopted: _, ...like } = connection;
  made.cas.push({ ...ca, name: 'other', key: null, facts: { ...ca.facts, fingerprint256: 'other' } });
  made.connections.push({ ...like, alias: 'other', ca: 'other', keySecret: 'secret:connection/eu/other/api-key@1' });
  for (const node of made.local.nodes) {
    node.files[BUNDLE] = { source: 'CA other', certificates: ['other'] };
    node.yml.values[authorities] = [handMade.authorities, BUNDLE];
  }
  change(made);
  return made;
};

test("Remora's bundle is not there for the CA of people: it goes with the last connection that needs it", () => {
  const plan = planOff(withOther(), { alias: 'other' });
  const trust = plan.steps.filter(({ id }) => id.startsWith('trust-'));
  expect(trust.map(({ diff }) => diff.split('\n')[0])).toEqual([
    `- file ${BUNDLE}: CA certificates of remote clusters`,
    `- file ${BUNDLE}: CA certificates of remote clusters`,
  ]);
});

test('but where that CA stands in the bundle of a node, it is kept there', () => {
  const held = withOther(({ local }) => {
    for (const { files } of local.nodes) files[BUNDLE]?.certificates.push('aabbccddeeff0011');
  });
  const plan = planOff(held, { alias: 'other' });
  expect(plan.steps.filter(({ id }) => id.startsWith('trust-'))).toEqual([]);
  const [written] = plan.steps.flatMap(({ input }) => ('operations' in input ? input.operations : []));
  expect(JSON.stringify(written)).toContain('secret:ca/us-remote/');
  expect(JSON.stringify(written)).not.toContain('other');
});

test('its key is replaced as that of any other', () => {
  expect(planKey(adopted(byHand())).steps.map(({ kind }) => kind)).toContain('api-key.invalidate');
});

test('its CA is not: certificates and CA files are those of people', () => {
  expect(() => planCa(adopted(byHand()))).toThrow(
    /CA us-remote is that of the connection eu\/us, which was taken over with certificates or CA files that people placed.*`remora adopt eu us` then puts that on record/,
  );
});

const rollbackFacts = (before: World, more: Partial<RollbackFacts> = {}, wish = {}): RollbackFacts => {
  const plan = planAdopt(before, wish);
  const now = adopted(before, wish);
  const { local, remote, connections, cas, certificates, secretVersions } = factsOf(now, request());
  const kept = (kind: string) => (['connection.record', 'ca.import'].includes(kind) ? { before: null } : null);
  return {
    signers: [],
    deploymentTrusts: [],
    run: ended(plan, { steps: new Map(plan.steps.map((step) => [step.id, done({ kept: kept(step.kind) })])) }),
    ...{ others: [], connections, cas, certificates, secretVersions, earlierKeys: [], keys: now.keys },
    apiKeys: now.keys.map(({ record }) => record),
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', local.persistent],
    ]),
    backups: new Map(
      now.local.nodes.map(({ name }) => [
        `eu/${name}`,
        { changes: [change('entry', CREDENTIALS, { existed: true })], unknown: [] },
      ]),
    ),
    ...{ principals: new Map(), adoptedKey: { id: 'theirs', usable: true } },
    ...more,
  };
};

const roll = (facts: RollbackFacts) =>
  planRollback({ run: RUN }, facts, { planId: 'plan-2', now: '2026-03-01T13:00:00.000Z', hash: sha256 });

test('a rollback gives the nodes their key back, proves the connection by it, and forgets what was filed', () => {
  const plan = roll(rollbackFacts(byHand()));
  expect(lines(plan).map((line) => line.split(' ').slice(1, 3).join(' '))).toEqual([
    'node.change eu-2',
    'node.change eu-1',
    'secure-settings.reload eu-2',
    'secure-settings.reload eu-1',
    'connection.prove eu',
    'api-key.invalidate us',
    'inventory.put-back coordinator',
    'run.rollback coordinator',
  ]);
  expect(plan.steps.find(({ kind }) => kind === 'connection.prove')?.input).toMatchObject({ keyId: 'theirs' });
  expect(plan.steps.find(({ kind }) => kind === 'inventory.put-back')?.diff.split('\n')).toEqual([
    '- connection eu/us',
    '- CA us-remote',
    '- API key secret:connection/eu/us/api-key@1',
  ]);
});

test('with a key that lets nobody in any more there is nothing to prove', () => {
  const plan = roll(rollbackFacts(byHand(), { adoptedKey: { id: 'theirs', usable: false } }));
  expect(lines(plan).join()).not.toContain('connection.prove');
});

test('a run that invalidated the key that the nodes had cannot be taken back', () => {
  expect(() => roll(rollbackFacts(byHand(), {}, { revokeOld: true }))).toThrow(
    /it invalidated API key theirs of cluster us, which nobody can make valid again/,
  );
});

test('a run that only put on record what people changed since is taken back without touching a node', () => {
  const made = adopted(byHand());
  const [standing] = made.connections;
  if (!standing) throw new Error('nothing was taken over');
  const before = { ...standing, ca: 'earlier' };
  made.connections = [before];
  const plan = planAdopt(made);
  expect(lines(plan)).toEqual(['prepare connection.record coordinator none']);
  const steps = new Map(plan.steps.map(({ id }) => [id, done({ kept: { before } })]));
  const changed = { run: ended(plan, { steps }), earlierKeys: made.keys, keys: [], backups: new Map() };
  expect(lines(roll(rollbackFacts(made, changed)))).toEqual([
    'end inventory.put-back coordinator none',
    'end run.rollback coordinator none',
  ]);
});
