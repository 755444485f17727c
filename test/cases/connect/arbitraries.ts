import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import fc from 'fast-check';
import { request } from './facts.ts';
import { allRoles, type Nodes, type NodeWorld, type World, world } from './world.ts';

/** Fleets and requests as they come: role splits, address settings of all kinds, settings of other people, nodes listed in any order. */

const dedicated = [['master'], ['data_hot', 'data_content', 'remote_cluster_client'], ['master', 'voting_only']];

const roles = fc.array(fc.constantFrom(allRoles, allRoles, ...dedicated), { minLength: 0, maxLength: 3 });

const nodes: fc.Arbitrary<Nodes> = roles.map((more) => [allRoles, ...more]);

const hosts = fc.constantFrom('_site_', '0.0.0.0', 'us-node.example.com', '10.0.1.77', '_eth0:ipv4_');

const addressSettings: fc.Arbitrary<Record<string, SettingValue>> = fc.record(
  {
    'remote_cluster.host': fc.oneof(
      hosts,
      hosts.map((host) => [host]),
    ),
    'remote_cluster.publish_host': fc.constantFrom('us-node.example.com', '_site_'),
    'remote_cluster.port': fc.constantFrom<SettingValue>(9443, '9500', 19_443),
    'remote_cluster.publish_port': fc.constantFrom<SettingValue>(443, '-1'),
    'network.publish_host': fc.constantFrom<SettingValue>('us-public.example.com', ['10.0.1.99']),
    'transport.publish_host': fc.constantFrom('us-transport.example.com'),
    'remote_cluster_server.enabled': fc.constantFrom<SettingValue>('true', false),
  },
  { requiredKeys: [] },
);

const trustSettings: fc.Arbitrary<Record<string, SettingValue>> = fc.record(
  {
    'xpack.security.remote_cluster_client.ssl.certificate_authorities': fc.constantFrom<SettingValue>(
      'theirs.crt',
      'a.crt, b.crt',
      ['theirs.crt'],
    ),
    'xpack.security.remote_cluster_client.ssl.enabled': fc.constantFrom<SettingValue>(true, 'false'),
  },
  { requiredKeys: [] },
);

/** Whether settings stand in the file only (written a moment ago), or the process has them too, or only the process (`-E`). */
const places = fc.constantFrom('both', 'both', 'file', 'process');

const put = (node: NodeWorld, settings: Record<string, SettingValue>, place: string, nowMs: number): void => {
  if (place !== 'process') Object.assign(node.yml.values, settings);
  if (place === 'file') node.yml.modifiedAtMs = nowMs - 1000;
  // A server that runs already has a certificate of its own: the planner refuses that elsewhere.
  const { 'remote_cluster_server.enabled': _, ...others } = settings;
  if (place !== 'file') Object.assign(node.running.settings, others);
  if (place === 'process') Object.assign(node.commandLine, others);
};

export const worlds: fc.Arbitrary<World> = fc
  .record({
    remote: nodes,
    local: nodes,
    addresses: fc.array(fc.tuple(addressSettings, places), { maxLength: 3 }),
    trust: fc.array(fc.tuple(trustSettings, fc.constantFrom('both', 'file')), { maxLength: 3 }),
    sslAnswers: fc.boolean(),
  })
  .map(({ remote, local, addresses, trust, sslAnswers }) => {
    const made = world({ remote, local });
    for (const [i, [settings, place]] of addresses.entries()) {
      const node = made.remote.nodes[i];
      if (node) put(node, settings, place, made.nowMs);
    }
    for (const [i, [settings, place]] of trust.entries()) {
      const node = made.local.nodes[i];
      if (node) put(node, settings, place, made.nowMs);
    }
    for (const node of [...made.remote.nodes, ...made.local.nodes]) node.sslAnswers = sslAnswers;
    return made;
  });

const options = fc.record(
  {
    expires: fc.constantFrom('90d', '1h'),
    skipUnavailable: fc.boolean(),
    replication: fc.constant<string[]>(['archive-*']),
    sans: fc.constant(['*.us.example.com', '192.0.2.7']),
    remotePort: fc.constantFrom(9443, 9555),
    remoteHost: fc.constantFrom('0.0.0.0', '_site_'),
    set: fc.constantFrom<Record<string, string>>({}, { 'transport.compress': 'true' }),
    metadata: fc.constant({ team: 'search' }),
    // All of one subject: another one is refused while the first is in use.
    certificateIdentity: fc.constantFrom('CN=eu-us', 'CN=eu-.*'),
    signingValidity: fc.constantFrom('30d', '365d'),
  },
  { requiredKeys: [] },
);

const modes = fc.constantFrom<Partial<ConnectRequest>>(
  { mode: 'sniff' },
  { mode: 'proxy', proxyAddress: 'proxy.us.example.com:443' },
  { mode: 'proxy', proxyAddress: '[2001:db8::1]:9443', serverName: 'us.example.com' },
);

export const requests: fc.Arbitrary<ConnectRequest> = fc
  .tuple(modes, options)
  .map(([mode, more]) => request({ ...mode, ...more } as Partial<ConnectRequest>));

const SERVER = 'remora-remote-cluster-server.p12';
const BUNDLE = 'remora-remote-cluster-cas.crt';
const each = (nodes: readonly NodeWorld[], i: number, harm: (node: NodeWorld) => void): void => {
  const node = nodes[i % nodes.length];
  if (node) harm(node);
};

/** What happens to a connection in its life, by people, other tools and time. */
const harms: Readonly<Record<string, (world: World, i: number) => void>> = {
  'the key was invalidated': (world) => {
    for (const key of world.keys) key.usable = false;
  },
  'a p12 file is gone': (world, i) => each(world.remote.nodes, i, (node) => delete node.files[SERVER]),
  'a p12 file was written by somebody else': (world, i) =>
    each(world.remote.nodes, i, (node) => {
      node.files[SERVER] = { source: null, certificates: [] };
    }),
  'a CA file lost a certificate': (world, i) =>
    each(world.local.nodes, i, (node) => {
      if (node.files[BUNDLE]) node.files[BUNDLE] = { source: null, certificates: [] };
    }),
  'a setting was removed from a file': (world, i) =>
    each(world.remote.nodes, i, (node) => delete node.yml.values['remote_cluster_server.enabled']),
  'a keystore entry was overwritten': (world, i) =>
    each(world.local.nodes, i, (node) => {
      for (const name of Object.keys(node.keystore.entries).filter((one) => one.startsWith('cluster.remote.')))
        node.keystore.entries[name] = { reference: null, writtenAtMs: null };
    }),
  'certificates are about to end': (world) => {
    world.nowMs += 300 * 86_400_000;
  },
  'settings of the alias were removed': (world) => {
    for (const name of Object.keys(world.local.persistent).filter((one) => one.startsWith('cluster.remote.us.')))
      delete world.local.persistent[name];
  },
  'a file was touched': (world, i) =>
    each([...world.remote.nodes, ...world.local.nodes], i, (node) => {
      node.yml.modifiedAtMs = world.nowMs;
    }),
};

/** Some of these, one after the other. */
export const damage = fc
  .array(fc.tuple(fc.constantFrom(...Object.keys(harms)), fc.nat(9)), { maxLength: 4 })
  .map((list) => ({
    list,
    harm: (world: World): World => {
      const after = structuredClone(world);
      for (const [name, i] of list) harms[name]?.(after, i);
      return after;
    },
  }));

/** The same world as the cluster may list it another time. */
export const shuffled = (before: World, seed: number): World => {
  const after = structuredClone(before);
  for (const cluster of [after.remote, after.local]) {
    const by = (node: NodeWorld): number => (node.host.machineId.length * 31 + node.name.charCodeAt(3) * seed) % 7;
    cluster.nodes.sort((a, b) => by(a) - by(b) || (seed % 2 === 0 ? 1 : -1) * a.name.localeCompare(b.name));
  }
  return after;
};
