import { once } from 'node:events';
import type { EsCluster } from '../elasticsearch/cluster.ts';
import { startClusters } from '../elasticsearch/create.ts';
import { newestVersionHere, versionsHere } from '../elasticsearch/versions.ts';
import { Fleet } from '../support/fleet.ts';
import { good, line, quote, title, warn } from './say.ts';

/**
 * The main job on real Elasticsearch: two clusters, a coordinator with its own Redis, an agent beside each node, a connection, and a search across it.
 * `--once` ends after the search; otherwise everything runs until Ctrl-C. Nothing is left behind either way.
 */
const connection = ['connect', 'eu', 'us', '--alias', 'us', '--search', 'logs-*'];

const sayVersions = async (): Promise<void> => {
  const versions = await versionsHere();
  for (const one of versions) if (!one.runs) warn(one.why);
  const version = await newestVersionHere();
  title(`Two real Elasticsearch ${version} clusters: us (remote, 3 nodes) and eu (local, 1 node)`);
  if (version !== versions[0]?.version) warn(`This demo shows ${version}, not ${versions[0]?.version}.`);
};

const startAll = async (stack: AsyncDisposableStack): Promise<{ us: EsCluster; eu: EsCluster; fleet: Fleet }> => {
  const [[us, eu], fleet] = await Promise.all([startClusters({ name: 'us', nodes: 3 }, { name: 'eu' }), Fleet.start()]);
  if (!us || !eu) throw new Error('the clusters did not start');
  for (const one of [us, eu, fleet]) stack.use(one);
  for (const node of [...us.nodes, ...eu.nodes])
    line(`${node.name}  ${node.url}  remote cluster port ${node.remoteClusterPort}  ${node.configDir}`);
  await us.call('PUT', '/logs-1/_doc/1?refresh=true', { message: 'hello from us' });
  line('us has an index logs-1 with one document');
  return { us, eu, fleet };
};

const join = async (fleet: Fleet, clusters: readonly EsCluster[]): Promise<void> => {
  title('A coordinator with its own Redis, and an agent beside every node');
  line(`coordinator ${fleet.url}, data in ${fleet.dataDirectory}`);
  for (const cluster of clusters) await fleet.add(cluster);
  quote((await fleet.cli(['nodes', 'list'])).stdout);
};

const connect = async (fleet: Fleet): Promise<void> => {
  title(`remora ${connection.join(' ')} --check --diff`);
  const plan = await fleet.cli([...connection, '--check', '--diff']);
  quote(plan.stdout);
  if (plan.code !== 2) throw new Error(`--check ended with ${plan.code}: ${plan.stderr}`);
  title(`remora ${connection.join(' ')} --accept-outage --yes`);
  const run = await fleet.cli([...connection, '--accept-outage', '--yes'], { onLine: quote });
  quote(run.stdout);
  if (run.code !== 0) throw new Error(`connect ended with ${run.code}`);
};

interface SearchAnswer {
  readonly _clusters: { readonly successful: number; readonly skipped: number };
  readonly hits: { readonly hits: readonly { readonly _index: string; readonly _source: unknown }[] };
}

const search = async (fleet: Fleet, us: EsCluster, eu: EsCluster): Promise<void> => {
  title('The proof: GET /us:logs-*/_search on eu');
  const answer = (await eu.call('GET', '/us:logs-*/_search')) as SearchAnswer;
  for (const hit of answer.hits.hits) line(`${hit._index}  ${JSON.stringify(hit._source)}`);
  if (answer._clusters.successful !== 1 || answer._clusters.skipped !== 0 || answer.hits.hits.length !== 1)
    throw new Error(`the search did not cross: ${JSON.stringify(answer)}`);
  good('The search crossed the connection: one hit, no cluster skipped.');
  quote((await fleet.cli(['connections', 'check', 'eu', 'us'])).stdout);
  const restarts = [...us.nodes, ...eu.nodes].map((node) => `${node.name} ${node.starts() - 1}`).join(', ');
  line(`Restarts by node: ${restarts}`);
  const again = await fleet.cli([...connection, '--check']);
  if (again.code !== 0) throw new Error(`a second connect is not done: exit ${again.code}: ${again.stdout}`);
  line('The same connect again has nothing to do.');
};

const sayGoodbye = (fleet: Fleet): void => {
  title('Have a look, Ctrl-C ends everything');
  line(`Coordinator and API: ${fleet.url}/api/v1/openapi.json (a web console comes with a later release)`);
  line(
    `export REMORA_URL=${fleet.url} REMORA_TOKEN_FILE=${fleet.dataDirectory}/admin.token REMORA_CA=${fleet.dataDirectory}/fleet-ca.crt`,
  );
  line('bin/remora connections list · bin/remora runs list · bin/remora doctor');
};

const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await using stack = new AsyncDisposableStack();
const demo = async (): Promise<void> => {
  await sayVersions();
  const { us, eu, fleet } = await startAll(stack);
  await join(fleet, [us, eu]);
  await connect(fleet);
  await search(fleet, us, eu);
  if (process.argv.includes('--once')) return;
  sayGoodbye(fleet);
  await interrupted;
};
try {
  await Promise.race([demo(), interrupted]);
} catch (error) {
  console.error(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
