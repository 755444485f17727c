import { describe, expect, test } from 'vitest';
import { applySteps } from '../connect/apply.ts';
import { connected, stepOf } from '../connect/plans.ts';
import { changed, nodeOf, type World, world } from '../connect/world.ts';
import { disconnected, planOff, traces } from './plans.ts';

const SERVER = 'xpack.security.remote_cluster_server.ssl';
const CREDENTIALS = 'cluster.remote.us.credentials';
const BUNDLE = 'remora-remote-cluster-cas.crt';

const local = ({ local: { nodes } }: World) => nodes[0] as World['local']['nodes'][number];

describe('what is not of Remora', () => {
  test('a credential and a CA that somebody else wrote stay, and are named', () => {
    const made = connected(world({ remote: 1, local: 1 }));
    const node = local(made);
    node.keystore.entries[CREDENTIALS] = { reference: null, writtenAtMs: null };
    node.files[BUNDLE]?.certificates.push('their CA');
    made.local.persistent['cluster.remote.us.transport.compress'] = 'true';
    const plan = planOff(made);
    expect(plan.warnings).toEqual([
      expect.stringMatching(
        /cluster\.remote\.us\.transport\.compress of cluster eu, which somebody else set, goes too/,
      ),
      expect.stringMatching(/keystore of node eu-1 .* a value that Remora did not write: it stays/),
      expect.stringMatching(/cas\.crt of node eu-1 \(cluster eu\) holds CN=their CA, which Remora does not know/),
    ]);
    expect(plan.restarts).toEqual(['us-1']);
    expect(stepOf(plan, 'cluster-settings.put').input.persistent).toHaveProperty(
      ['cluster.remote.us.transport.compress'],
      null,
    );
    const after = applySteps(made, plan.steps);
    expect(local(after).keystore.entries[CREDENTIALS]).toBeDefined();
    expect(local(after).files[BUNDLE]).toBeDefined();
  });

  test('a server that somebody else took over stays, and so do addresses that somebody changed', () => {
    const made = connected(world({ remote: 2, local: 1 }), { remotePort: 9500 });
    const [first, second] = made.remote.nodes;
    if (first) first.yml.values[`${SERVER}.keystore.path`] = 'theirs.p12';
    if (second) second.yml.values['remote_cluster.port'] = 9600;
    const plan = planOff(made);
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^Node us-1 of cluster us serves .*\(theirs\.p12\): its server stays/),
    ]);
    const after = applySteps(made, plan.steps);
    expect(nodeOf(after.remote, 'us-1').yml.values).toMatchObject({ 'remote_cluster_server.enabled': true });
    expect(nodeOf(after.remote, 'us-2').yml.values).toMatchObject({ 'remote_cluster.port': 9600 });
    expect(nodeOf(after.remote, 'us-2').yml.values).not.toHaveProperty(['remote_cluster_server.enabled']);
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
