import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusterClients } from '../../../coordinator/src/elasticsearch/clusters.ts';
import { generateRsaKeyPair, type KeyPair } from '../../../coordinator/src/pki/keys.ts';
import { verifyNode } from '../../../coordinator/src/services/clusters/verify-node.ts';
import { freePorts } from '../../elasticsearch/ports.ts';
import { sharedPair } from '../../elasticsearch/shared-pair.ts';
import { type GatewayFleet, startGatewayFleet, type TestCoordinator } from '../../support/gateway-fleet.ts';
import { joinAgent, WireAgent } from '../../support/wire-agent.ts';

/** A gateway that asks a real cluster, which answers only where a test says so. */
let fleet: GatewayFleet;
let coordinator: TestCoordinator;
let clients: ReturnType<typeof clusterClients>;
let keys: KeyPair;
let closed: string;
let real: { readonly url: string; readonly name: string; readonly pid: number };
let password: string;

/** From now on, the cluster is asked at this URL. */
const clusterIsAt = (url: string): Promise<void> =>
  fleet.inventory.clusters.put('real', {
    ...{ name: 'real', urls: [url], caPem: null, user: 'elastic', password },
    ...{ clusterUuid: 'of-the-real-one', addedAt: new Date().toISOString() },
  });

beforeAll(async () => {
  const { eu } = await sharedPair();
  const [node] = eu.nodes;
  if (!node) throw new Error('the cluster has no node');
  real = { url: node.url, name: node.name, pid: node.pid() ?? 0 };
  const [port = 0] = await freePorts(1);
  closed = `http://127.0.0.1:${port}`;
  fleet = await startGatewayFleet();
  password = await fleet.secrets.put('real', eu.password);
  clients = clusterClients({
    record: (name) => fleet.inventory.clusters.get(name),
    secret: async (reference) => (await fleet.secrets.get(reference)).toString(),
  });
  coordinator = await fleet.coordinator('one', { verifyNode: verifyNode(clients) });
  keys = await generateRsaKeyPair(2048);
});
afterAll(async () => {
  await clients.close();
  await fleet.stop();
});

const join = (pid = real.pid) => joinAgent(fleet, coordinator, { cluster: 'real', name: real.name, keys, pid });
const record = () => fleet.inventory.nodes.get(`real/${real.name}`);
const probe = () =>
  coordinator.gateway.calls.read(
    { cluster: 'real', node: real.name },
    'probe',
    { host: 'localhost', port: 1, timeoutMs: 1000 },
    { timeoutMs: 10_000 },
  );
const beat = (agent: WireAgent): void =>
  agent.send({ type: 'heartbeat', running: true, pid: real.pid, delivery: null });
const connect = async (): Promise<WireAgent> =>
  WireAgent.connect(coordinator.url, await join(), {
    elasticsearch: { running: true, configDir: '/etc/elasticsearch', pid: real.pid },
  });

test('a cluster that does not answer confirms no node: deliveries begin once it does, and then the node is known', async () => {
  await clusterIsAt(closed);
  const agent = await connect();
  agent.answerAll(() => [{ tcp: 'open', detail: '' }]);
  beat(agent);
  await expect.poll(() => coordinator.logs.filter((line) => line.includes('not be looked up')).length).toBe(2);
  await expect(probe()).rejects.toMatchObject({ code: 'agent-offline', message: expect.stringContaining('confirmed') });
  expect(await record()).toMatchObject({ nodeId: null, version: null });

  await clusterIsAt(real.url);
  beat(agent);
  await expect.poll(record).toMatchObject({ nodeId: expect.any(String), version: expect.stringMatching(/^\d+\.\d+/) });
  expect(await probe()).toMatchObject({ tcp: 'open' });
  await agent.close();
});

test('a cluster that answers confirms the node at once', async () => {
  await fleet.inventory.nodes.remove(`real/${real.name}`);
  await clusterIsAt(real.url);
  const agent = await connect();
  agent.answerAll(() => [{ tcp: 'open', detail: '' }]);
  expect(await record()).toMatchObject({ nodeId: expect.any(String), version: expect.any(String) });
  expect(await probe()).toMatchObject({ tcp: 'open' });
  await agent.close();
});

test('another process under the name of a node is refused', async () => {
  await clusterIsAt(real.url);
  await expect(join(1)).rejects.toMatchObject({ code: 'wrong-node' });
});
