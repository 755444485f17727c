import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected, lines, stepOf } from '../connect/plans.ts';
import { changed, nodeOf, type World, world } from '../connect/world.ts';
import { disconnected, ownCa, planOff, refusalOf, traces } from './plans.ts';

const CLIENT = 'xpack.security.remote_cluster_client.ssl';
const SERVER = 'xpack.security.remote_cluster_server.ssl';
const CREDENTIALS = 'cluster.remote.us.credentials';
const BUNDLE = 'remora-remote-cluster-cas.crt';

const local = ({ local: { nodes } }: World) => nodes[0] as World['local']['nodes'][number];

describe('what is not of Remora', () => {
  test('a CA that somebody else wrote stays, and is named', () => {
    const made = connected(world({ remote: 1, local: 1 }));
    const node = local(made);
    node.files[BUNDLE]?.certificates.push('their CA');
    made.local.persistent['cluster.remote.us.transport.compress'] = 'true';
    const plan = planOff(made);
    expect(plan.warnings).toEqual([
      expect.stringMatching(
        /cluster\.remote\.us\.transport\.compress of cluster eu, which somebody else set, goes too/,
      ),
      expect.stringMatching(/cas\.crt of node eu-1 \(cluster eu\) holds CN=their CA, which Remora does not know/),
    ]);
    expect(plan.restarts).toEqual(['us-1']);
    expect(stepOf(plan, 'cluster-settings.put').input.persistent).toHaveProperty(
      ['cluster.remote.us.transport.compress'],
      null,
    );
    const after = applySteps(made, plan.steps);
    expect(local(after).files[BUNDLE]).toBeDefined();
  });

  test('an alias that somebody else took over is not taken from them, and their credential stays', () => {
    const made = connected(world({ remote: 1, local: 2 }));
    const node = local(made);
    node.keystore.entries[CREDENTIALS] = { reference: null, writtenAtMs: null };
    expect(refusalOf(made)).toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(
        /^The keystore of node eu-1 .* the alias us is somebody else's by now.*remove cluster\.remote\.us\.credentials.*api-keys revoke eu us/,
      ),
    });
    made.local.persistent = {};
    const plan = planOff(made);
    expect(plan.warnings).toEqual([
      expect.stringMatching(/keystore of node eu-1 .* a value that Remora did not write: it stays/),
    ]);
    expect(local(applySteps(made, plan.steps)).keystore.entries[CREDENTIALS]).toBeDefined();
  });

  const handMade = (made: World): World => {
    const entry = { reference: null, writtenAtMs: null };
    for (const { keystore } of made.local.nodes) keystore.entries['cluster.remote.theirs.credentials'] = entry;
    made.local.persistent['cluster.remote.theirs.seeds'] = ['10.1.0.1:9443'];
    return made;
  };

  test('the CA file does not go from under an alias that Remora does not manage', () => {
    const made = handMade(connected(world({ remote: 1, local: 2 })));
    const error = refusalOf(made);
    expect(error).toMatchObject({ code: 'conflict', kind: { exit: 64 } });
    expect(error.findings).toEqual([
      expect.stringMatching(/^Cluster eu has the alias theirs, which Remora does not manage .* give --keep-trust/),
    ]);
    const after = disconnected(made, { keepTrust: true });
    expect(after.local.nodes.map(({ files }) => Object.keys(files))).toEqual([[BUNDLE], [BUNDLE]]);
    expect(after.local.persistent).toEqual({ 'cluster.remote.theirs.seeds': ['10.1.0.1:9443'] });
  });

  test('an alias without a credential counts where a keystore was not seen, and one on record does not', () => {
    const made = connected(world({ remote: 1, local: 2 }));
    made.local.persistent['cluster.remote.theirs.seeds'] = ['10.1.0.1:9300'];
    made.local.persistent['cluster.remote.node.attr'] = 'gateway';
    expect(planOff(made).restarts).toEqual(['eu-2', 'eu-1', 'us-1']);
    nodeOf(made.local, 'eu-2').agent = 'missing';
    expect(refusalOf(made).findings).toEqual([expect.stringMatching(/^Cluster eu has the alias theirs,/)]);
  });

  test('beside another connection such an alias keeps the CA that it may need, and it is named', () => {
    const made = handMade(ownCa(connected(connected(world({ remote: 1, local: 1 })), { alias: 'second' })));
    const plan = planOff(made);
    expect(plan.warnings).toContainEqual(
      expect.stringMatching(/cas\.crt stays as it is on the nodes of eu, with CA us-remote: theirs, which Remora/),
    );
    expect(local(applySteps(made, plan.steps)).files[BUNDLE]?.certificates).toEqual([
      'fingerprint of us-remote',
      'other',
    ]);
  });

  test('a server that somebody else took over stays, and so do addresses that somebody changed', () => {
    const made = connected(world({ remote: 2, local: 1 }), { remotePort: 9500 });
    const [first, second] = made.remote.nodes;
    if (first) first.yml.values[`${SERVER}.keystore.path`] = 'theirs.p12';
    if (second) second.yml.values['remote_cluster.port'] = 9600;
    const plan = planOff(made);
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^Node us-1 of cluster us serves .*\(theirs\.p12\): its server stays/),
      'remote_cluster.port in elasticsearch.yml of node us-2 (cluster us) was changed by somebody since: it stays as it is.',
    ]);
    const after = applySteps(made, plan.steps);
    expect(nodeOf(after.remote, 'us-1').yml.values).toMatchObject({ 'remote_cluster_server.enabled': true });
    expect(nodeOf(after.remote, 'us-2').yml.values).toMatchObject({ 'remote_cluster.port': 9600 });
    expect(nodeOf(after.remote, 'us-2').yml.values).not.toHaveProperty(['remote_cluster_server.enabled']);
  });

  test('a password that somebody wrote stays in the keystore of a node whose server goes, and is named', () => {
    const made = connected(world({ remote: 1, local: 1 }));
    const { entries } = nodeOf(made.remote, 'us-1').keystore;
    entries[`${SERVER}.keystore.secure_password`] = { reference: null, writtenAtMs: null };
    const plan = planOff(made);
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^The keystore of node us-1 \(cluster us\) has .*secure_password with a value .* it stays/),
    ]);
    const after = nodeOf(applySteps(made, plan.steps).remote, 'us-1');
    expect(Object.keys(after.keystore.entries)).toContain(`${SERVER}.keystore.secure_password`);
  });

  test('a switch of the trust that somebody changed since stays as it is, and is named', () => {
    const made = connected(world({ remote: 1, local: 1 }));
    local(made).yml.values[`${CLIENT}.enabled`] = false;
    const plan = planOff(made);
    expect(plan.warnings).toEqual([
      `${CLIENT}.enabled in elasticsearch.yml of node eu-1 (cluster eu) was changed by somebody since: it stays as it is.`,
    ]);
    expect(local(applySteps(made, plan.steps)).yml.values).toMatchObject({ [`${CLIENT}.enabled`]: false });
  });

  test('a key of the connection whose secret is lost is invalidated too, once the alias is gone', () => {
    const made = connected(world({ remote: 1, local: 1 }));
    const plan = planOff(made, {}, { strays: [{ id: 'k9', name: 'remora-eu-us-1' }] });
    expect(lines(plan).slice(0, 5)).toEqual([
      'alias cluster-settings.put eu api',
      'credentials node.change eu-1 reload',
      'reload secure-settings.reload eu-1 reload',
      'api-key api-key.invalidate us api',
      'api-key api-key.revoke us api',
    ]);
    expect(stepOf(plan, 'api-key.revoke')).toMatchObject({
      ...{ diff: '- key remora-eu-us-1 (k9)', input: { cluster: 'us', id: 'k9' } },
    });
  });

  test('a server that was there before stays on, with the certificate of Remora that it has by now', () => {
    const theirs = changed((made) => {
      for (const node of made.remote.nodes) {
        Object.assign(node.yml.values, {
          'remote_cluster_server.enabled': true,
          [`${SERVER}.enabled`]: true,
          [`${SERVER}.keystore.path`]: 'remora-remote-cluster-server.p12',
        });
        node.running.settings = { ...node.yml.values } as typeof node.running.settings;
      }
    });
    const made = connected(theirs());
    const plan = planOff(made);
    expect(plan.restarts).toEqual(['eu-1']);
    expect(plan.warnings).toEqual([expect.stringMatching(/server of us-1, us-2, us-3 .* stays on/)]);
    const after = applySteps(made, plan.steps);
    expect(after.remote.nodes.map(({ yml }) => yml.values)).toEqual(theirs().remote.nodes.map(({ yml }) => yml.values));
    expect(after.certificates).toHaveLength(3);
    expect(after).toMatchObject({ connections: [], keys: [] });
  });

  test('of a connection of an older release the server stays, since nobody noted who turned it on', () => {
    const made = connected(world({ remote: 1, local: 1 }), { remotePort: 9500 });
    made.connections = made.connections.map(({ found: _, ...one }) => one);
    const after = disconnected(made);
    expect(nodeOf(after.remote, 'us-1').yml.values).toMatchObject({ 'remote_cluster.port': 9500 });
    expect(local(after).yml.values).toEqual(local(world()).yml.values);
  });

  test('settings that were taken out by hand are still in a process, which restarts', () => {
    const made = connected(world({ remote: 1, local: 1 }));
    const [remote] = made.remote.nodes;
    for (const { yml } of [...made.remote.nodes, ...made.local.nodes])
      for (const name of Object.keys(yml.values)) if (/remote_cluster/.test(name)) delete yml.values[name];
    const plan = planOff(made);
    expect(plan.restarts).toEqual(['eu-1', 'us-1']);
    expect(stepOf(plan, 'node.change', 'us-1').reason).toContain(
      'the running process still has remote_cluster_server.enabled',
    );
    expect(remote?.name).toBe('us-1');
    expect(traces(applySteps(made, plan.steps))).toEqual(traces(world({ remote: 1, local: 1 })));
  });
});
