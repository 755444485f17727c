import { expect, test } from 'vitest';
import type { CertificateRecord } from '../../../coordinator/src/plan/records.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { nodeOf } from '../connect/world.ts';
import { adopted, authorities, type Bend, byHand, CREDENTIALS, connectAgain, planAdopt } from './plans.ts';

const keySteps = [
  'api-key api-key.create us api',
  'keystores node.change eu-1 reload',
  'keystores node.change eu-2 reload',
  'reload secure-settings.reload eu-1 reload',
  'reload secure-settings.reload eu-2 reload',
  'prove connection.prove eu none',
  'in-use api-key.verify eu none',
];

const whole = ['prepare ca.import coordinator none', 'prepare connection.record coordinator none', ...keySteps];

test('what stands is put on record, and the key is replaced by one that grants the same: nothing restarts', () => {
  const plan = planAdopt(byHand());
  expect(lines(plan)).toEqual(whole);
  expect([plan.restarts, plan.outages, plan.clusters]).toEqual([[], [], ['eu', 'us']]);
  expect(stepOf(plan, 'connection.record').input.connection).toEqual({
    ...{ local: 'eu', remote: 'us', alias: 'us', auth: 'api_key', mode: 'sniff', ca: 'us-remote' },
    keySecret: 'secret:connection/eu/us/api-key@1',
    ...{ access: { search: [{ names: ['logs-*'] }] }, expires: '90d', metadata: { team: 'search' } },
    settings: ['mode', 'seeds'],
    adopted: { key: { id: 'theirs', name: 'by hand' }, server: true, trust: true },
  });
  expect(stepOf(plan, 'api-key.create').input).toMatchObject({
    ...{ name: 'remora-eu-us', expiration: '90d', metadata: { team: 'search', managed_by: 'remora' } },
  });
  expect(stepOf(plan, 'ca.import').input).toMatchObject({ ca: 'us-remote', certificatePem: 'PEM of their CA' });
});

test('no node gets anything but the credential', () => {
  const before = byHand();
  const after = adopted(before);
  expect(after.remote).toEqual(before.remote);
  for (const [i, node] of after.local.nodes.entries()) {
    const was = before.local.nodes[i];
    expect([node.yml, node.files, node.pid]).toEqual([was?.yml, was?.files, was?.pid]);
    expect(node.keystore.entries[CREDENTIALS]?.reference).toBe('secret:connection/eu/us/api-key@1');
  }
  expect(after.local.persistent).toEqual(before.local.persistent);
  expect(isConnected(after, 'us')).toBe(true);
});

test('then nothing is left to do, neither for adopt nor for connect with the same values', () => {
  const after = adopted(byHand());
  expect(lines(planAdopt(after))).toEqual([]);
  expect(lines(connectAgain(after))).toEqual([]);
});

test('connect changes what is wanted to be another, and nothing that people placed', () => {
  const after = adopted(byHand());
  expect(lines(connectAgain(after, { search: ['logs-*', 'metrics-*'] }))).toEqual([
    'prepare connection.record coordinator none',
    'api-key api-key.update us api',
    'connect connection.prove eu none',
  ]);
  expect(lines(connectAgain(after, { skipUnavailable: false }))).toEqual([
    'prepare connection.record coordinator none',
    'connect cluster-settings.put eu api',
    'connect connection.prove eu none',
  ]);
});

test('an interrupted run is gone on with, wherever it was cut off, and no key is made twice', () => {
  for (let cut = 0; cut < whole.length; cut += 1) {
    const after = adopted(adopted(byHand(), {}, cut));
    expect(lines(planAdopt(after))).toEqual([]);
    expect(after.keys.map(({ record }) => record.secret)).toEqual(['secret:connection/eu/us/api-key@1']);
    expect(after.connections).toEqual(adopted(byHand()).connections);
  }
});

test('the key that the nodes had stays, which is said, and goes where that is asked for, also afterwards', () => {
  expect(planAdopt(byHand()).warnings[0]).toMatch(/^API key by hand \(theirs, made by ann\) of cluster us stays valid/);
  const revoke = ['retire api-key.revoke us api', 'prove-again connection.prove eu none'];
  const plan = planAdopt(byHand(), { revokeOld: true });
  expect(lines(plan)).toEqual([...whole, ...revoke]);
  expect(plan.warnings[0]).toMatch(
    /^API key by hand \(theirs, made by ann\) of cluster us is invalidated, which nobody/,
  );
  const later = adopted(byHand());
  expect(lines(planAdopt(later, { revokeOld: true }))).toEqual(revoke);
  expect(lines(planAdopt(adopted(later, { revokeOld: true }), { revokeOld: true }))).toEqual([]);
});

test('a proxy connection and settings beside the address are taken as they are', () => {
  const made = byHand(({ local }) => {
    local.persistent = {
      'cluster.remote.us.mode': 'proxy',
      'cluster.remote.us.proxy_address': 'proxy.example.com:9443',
      'cluster.remote.us.server_name': 'us.example.com',
      'cluster.remote.us.transport.compress': 'true',
    };
  });
  const record = stepOf(planAdopt(made), 'connection.record').input.connection;
  expect(record).toMatchObject({
    mode: 'proxy',
    settings: ['mode', 'proxy_address', 'server_name', 'transport.compress'],
  });
});

test('a CA that is known is the one, whatever it is called, and one of another name makes room', () => {
  const known = (name: string, fingerprint: string) =>
    byHand((made) => {
      const [template] = adopted(byHand()).cas;
      if (template) made.cas = [{ ...template, name, facts: { ...template.facts, fingerprint256: fingerprint } }];
    });
  const theirs = planAdopt(known('corporate', 'aabbccddeeff0011'));
  expect(lines(theirs)).toEqual(whole.slice(1));
  expect(stepOf(theirs, 'connection.record').input.connection).toMatchObject({ ca: 'corporate' });
  expect(stepOf(planAdopt(known('us-remote', 'other')), 'ca.import').input.ca).toBe('us-remote-aabbccdd');
  expect(stepOf(planAdopt(byHand(), { ca: 'corporate' }), 'ca.import').input.ca).toBe('corporate');
});

test('a truststore, or none at all, stays too', () => {
  for (const truststore of ['theirs-trust.p12', null]) {
    const made = byHand(({ local }) => {
      for (const { yml } of local.nodes) {
        delete yml.values[authorities];
        if (truststore !== null) yml.values['xpack.security.remote_cluster_client.ssl.truststore.path'] = truststore;
      }
    });
    expect(stepOf(planAdopt(made), 'connection.record').input.connection).toMatchObject({ adopted: { trust: true } });
  }
});

test('the file of the server may be PEM', () => {
  const made = byHand(({ remote }) => {
    for (const { yml } of remote.nodes) {
      yml.values['xpack.security.remote_cluster_server.ssl.certificate'] = 'theirs-server.crt';
      yml.values['xpack.security.remote_cluster_server.ssl.key'] = 'theirs-server.key';
    }
  });
  expect(lines(connectAgain(adopted(made)))).toEqual([]);
});

test('connect does not change the CA of servers that people set up, and tells so', () => {
  expect(() => connectAgain(adopted(byHand()), { ca: 'other' })).toThrow(/serve certificates that people placed/);
});

test.each([
  ['--san', { sans: ['us.example.com'] }],
  ['--cert-validity', { certValidity: '90d' }],
  ['--remote-host', { remoteHost: '_site_' }],
  ['--remote-port', { remotePort: 9500 }],
])('connect refuses %s of servers that people set up, rather than to ignore it', (flag, wish) => {
  expect(() => connectAgain(adopted(byHand()), wish)).toThrow(
    new RegExp(
      `^${flag}: people set up the remote cluster server of us-1, us-2 \\(cluster us\\), and it stays as it is`,
    ),
  );
});

test('a node that serves nothing beside those of people is theirs to set up, or gets a certificate that is given', () => {
  const made = adopted(byHand());
  const node = nodeOf(made.remote, 'us-2');
  node.yml.values = {};
  node.running = { ...node.running, settings: {}, certificatePaths: [] };
  expect(() => connectAgain(made)).toThrow(
    /do not serve remote clusters as their neighbours do, .* set them up as these are, or give certificates of it with --ca us-remote --files DIR/,
  );
});

const newCa: Bend = (facts) => ({
  ...facts,
  servers: facts.servers.map((server) =>
    server.ca === null
      ? server
      : { ...server, ca: { certificatePem: 'PEM', facts: { ...server.ca.facts, fingerprint256: '99887766554433' } } },
  ),
});

test('what people changed since is put on record, and nothing else happens', () => {
  const plan = planAdopt(adopted(byHand()), {}, newCa);
  expect(lines(plan)).toEqual(whole.slice(0, 2));
  expect(stepOf(plan, 'ca.import').input).toMatchObject({ ca: 'us-remote-99887766', certificatePem: 'PEM' });
  const { connection } = stepOf(plan, 'connection.record').input;
  expect(connection).toEqual({ ...adopted(byHand()).connections[0], ca: 'us-remote-99887766' });
});

test('certificates that Remora has placed since are not those of people any more', () => {
  const plan = planAdopt(adopted(byHand()), {}, (facts) => ({
    ...facts,
    certificates: ['us-1', 'us-2'].map((node) => ({ node, ca: 'us-remote' }) as CertificateRecord),
  }));
  expect(lines(plan)).toEqual([whole[1]]);
  expect(stepOf(plan, 'connection.record').input.connection).toMatchObject({
    ca: 'us-remote',
    adopted: { server: false, trust: true },
  });
});

test('where what is served is not known, what is on record stays, and that is said', () => {
  const plan = planAdopt(adopted(byHand()), {}, (facts) => ({
    ...facts,
    servers: [{ address: '10.0.1.1:9443', ca: null, problem: 'it leads to no CA.' }],
  }));
  expect(plan.steps).toEqual([]);
  expect(plan.warnings.join('\n')).toMatch(
    /Whether the CA on record \(us-remote\) is still that of 10\.0\.1\.1:9443 is not known: it leads to no CA\./,
  );
});
