import { Agent as PlainAgent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions, EsCluster } from '../../elasticsearch/cluster.ts';

const PAUSE_MS = 100;
/** A node that is going down may leave a request without an answer. */
const ANSWER_LIMIT_MS = 15_000;

interface Load {
  readonly cluster: EsCluster;
  readonly index: string;
  readonly documents: number;
}

/** Connections are kept, as clients do: a handshake for each search would be most of the work of the nodes. */
interface Client extends Load {
  readonly agent: PlainAgent;
}

/** What a client of a cluster saw while something else went on. */
interface SearchReport {
  searches: number;
  /** Requests that one node did not answer and the next one was asked: what a client with all nodes' addresses does by itself. */
  retried: number;
  /** What no retry mended: an outage. */
  readonly failures: string[];
}

/** Searches each cluster ten times a second or so, node after node in turn, until it is stopped. */
export class SearchLoop {
  readonly #stop = new AbortController();
  readonly #loops: readonly Promise<SearchReport>[];
  readonly #reports: readonly SearchReport[];

  constructor(loads: readonly Load[]) {
    this.#reports = loads.map(() => ({ searches: 0, retried: 0, failures: [] }));
    this.#loops = loads.map((load, i) => run(load, this.#reports[i] as SearchReport, this.#stop.signal));
  }

  /** Resolves once so many searches were made in all. */
  async atLeast(searches: number): Promise<void> {
    while (this.#reports.reduce((sum, report) => sum + report.searches, 0) < searches) await sleep(PAUSE_MS);
  }

  /** Ends the loop and answers a report for each load, in their order. */
  async stop(): Promise<SearchReport[]> {
    this.#stop.abort();
    return Promise.all(this.#loops);
  }
}

const run = async (load: Load, report: SearchReport, stop: AbortSignal): Promise<SearchReport> => {
  const isTls = load.cluster.nodes[0]?.url.startsWith('https:');
  const client = { ...load, agent: new (isTls ? TlsAgent : PlainAgent)({ keepAlive: true }) };
  for (let turn = 0; !stop.aborted; turn += 1) {
    const wrong = await searchOnce(client, turn, report);
    report.searches += 1;
    if (wrong !== null) report.failures.push(`${new Date().toISOString()} ${load.cluster.name}: ${wrong}`);
    await sleep(PAUSE_MS);
  }
  client.agent.destroy();
  return report;
};

/** Asks node after node until one answers; answers what is wrong with the cluster, null for nothing. */
const searchOnce = async (load: Client, turn: number, report: SearchReport): Promise<string | null> => {
  const { nodes } = load.cluster;
  const unanswered: string[] = [];
  for (let i = 0; i < nodes.length; i += 1) {
    const node = (turn + i) % nodes.length;
    try {
      return await ask(load, node);
    } catch (error) {
      report.retried += 1;
      unanswered.push(`${nodes[node]?.name}: ${String(error)}`);
    }
  }
  return `no node answers: ${unanswered.join('; ')}`;
};

interface Answers {
  readonly hits?: { readonly total: { readonly value: number } };
  readonly _shards?: { readonly failed: number };
  readonly status?: string;
}

/** Throws when this node is not able to answer; what it answers wrongly is the cluster's fault. */
const ask = async ({ cluster, index, documents, agent }: Client, node: number): Promise<string | null> => {
  const [search, health] = await Promise.all(
    [`/${index}/_search?size=${documents}`, '/_cluster/health'].map((path) =>
      get(cluster, path, { node, agent, timeout: ANSWER_LIMIT_MS }),
    ),
  );
  const found = search?.hits?.total.value;
  if (found !== documents || search?._shards?.failed !== 0)
    return `${cluster.nodes[node]?.name} found ${found} of ${documents} documents: ${JSON.stringify(search).slice(0, 400)}`;
  return health?.status === 'green' || health?.status === 'yellow' ? null : `health is ${health?.status}`;
};

const get = async (cluster: EsCluster, path: string, options: CallOptions): Promise<Answers> => {
  const { status, body } = await cluster.raw('GET', path, undefined, options);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body).slice(0, 300)}`);
  return body as Answers;
};
