import { expect, test } from 'vitest';
import { applySteps } from './apply.ts';
import { request } from './facts.ts';
import { connected, lines, planIn, stepOf } from './plans.ts';
import { changed, nodeOf, type World, world } from './world.ts';

/** Where remote nodes listen, when that is not where one would think. */

const seedsOf = (made: World): unknown =>
  stepOf(planIn(made, request()), 'cluster-settings.put').input.persistent['cluster.remote.us.seeds'];

test('an interface with another address than the transport ends the run before the local cluster is touched; the next one goes there', () => {
  const made = changed(
    (one) => {
      const node = nodeOf(one.remote, 'us-1');
      node.host.addresses = ['192.168.7.1'];
      node.yml.values['remote_cluster.host'] = '_eth1:ipv4_';
    },
    () => world({ remote: 1 }),
  )();
  const { steps } = planIn(made, request());
  const verify = steps.findIndex(({ kind }) => kind === 'remote-server.verify');
  expect(stepOf(planIn(made, request()), 'remote-server.verify').input.planned).toEqual({
    host: '10.0.1.1',
    port: 9443,
  });
  expect(() => applySteps(made, steps.slice(0, verify + 1))).toThrow('us-1 listens at 192.168.7.1:9443');
  expect(steps.slice(verify + 1).map(({ stage }) => stage)).toEqual(['local-roll', 'connect', 'connect']);

  const half = applySteps(made, steps.slice(0, verify));
  const next = planIn(half, request());
  expect(seedsOf(half)).toEqual(['192.168.7.1:9443']);
  expect(next.restarts).toEqual(['eu-1']);
  // The key that the first one made is there.
  expect(next.steps.some(({ kind }) => kind.startsWith('api-key.'))).toBe(false);
  expect(lines(planIn(applySteps(half, next.steps), request()))).toEqual([]);
});

test('in proxy mode no local node connects to it, so it may listen anywhere', () => {
  const wish = request({ mode: 'proxy', proxyAddress: 'proxy.example.com:443' });
  expect(stepOf(planIn(world(), wish), 'remote-server.verify').input.planned).toBeNull();
});

test('remote_cluster.publish_port is where local nodes go, and remote_cluster.port what a node binds', () => {
  const made = changed((one) => {
    for (const [i, node] of one.remote.nodes.entries()) {
      node.host.machineId = 'shared';
      Object.assign(node.yml.values, {
        'remote_cluster.port': 9500 + i,
        'remote_cluster.publish_port': i === 0 ? -1 : 443,
      });
    }
  })();
  expect(seedsOf(made)).toEqual(['10.0.1.1:9500', '10.0.1.2:443', '10.0.1.3:443']);
  const after = connected(made);
  expect(lines(planIn(after, request()))).toEqual([]);
});
