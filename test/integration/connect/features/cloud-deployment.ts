import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EsCluster } from '../../../elasticsearch/cluster.ts';
import { createCluster } from '../../../elasticsearch/create.ts';
import { CloudApi, type FakeDeployment } from '../../../support/cloud-api.ts';

const TRUST = 'cloud-trust.crt';
const CLIENT = 'xpack.security.remote_cluster_client.ssl';
const SERVER = 'xpack.security.remote_cluster_server.ssl';

interface Direct {
  readonly type?: string;
  readonly certificates: readonly { readonly pem: string }[];
}

/**
 * A deployment `logs` of the stand-in for Elastic Cloud, whose Elasticsearch is a real node: what the cloud's API is told comes to the keystore of that node, which loads it, and to
 * the file with the CAs that it trusts. Others connect to it as to any deployment. No agent is beside it.
 */
export class CloudDeployment implements AsyncDisposable {
  readonly api: CloudApi;
  readonly logs: EsCluster;
  readonly deployment: FakeDeployment;
  #loaded: Readonly<Record<string, unknown>> = {};

  private constructor(api: CloudApi, logs: EsCluster, deployment: FakeDeployment) {
    this.api = api;
    this.logs = logs;
    this.deployment = deployment;
  }

  static async start(): Promise<CloudDeployment> {
    await using stack = new AsyncDisposableStack();
    const settings = [
      ...[`${CLIENT}.enabled: true`, `${CLIENT}.certificate_authorities: ${TRUST}`],
      ...['remote_cluster_server.enabled: true', `${SERVER}.certificate: http.crt`, `${SERVER}.key: http.key`],
    ];
    const [api, logs] = await Promise.all([CloudApi.start(), createCluster({ name: 'logs', settings })]);
    for (const one of [api, logs]) stack.use(one);
    const [node] = logs.nodes;
    const deployment = api.add({ id: 'd1', name: 'logs', endpoint: node?.url ?? '', host: 'localhost' });
    const made = new CloudDeployment(api, logs, deployment);
    await made.#writeTrust();
    await logs.start();
    await logs.waitUntilReady();
    api.onUpdate = () => made.#carryOut();
    stack.move();
    return made;
  }

  /** Elasticsearch takes no empty file: its own CA, by which nobody else is known, stands in it first. */
  async #writeTrust(): Promise<void> {
    const { direct = [] } = this.deployment.trust as { readonly direct?: readonly Direct[] };
    const pems = direct.filter(({ type }) => type === 'proxy').flatMap((one) => one.certificates.map(({ pem }) => pem));
    const own = await readFile(this.logs.caPath, 'utf8');
    await Promise.all(
      this.logs.nodes.map(({ configDir }) => writeFile(join(configDir, TRUST), [own, ...pems].join('\n'))),
    );
  }

  async #carryOut(): Promise<void> {
    await this.#writeTrust();
    const { keystore } = this.deployment;
    const [before, now] = [this.#loaded, { ...keystore }];
    for (const node of this.logs.nodes) {
      for (const [name, value] of Object.entries(now))
        if (before[name] !== value) await node.keystore(['add', '-x', '-f', name], `${String(value)}\n`);
      for (const name of Object.keys(before)) if (!(name in now)) await node.keystore(['remove', name]);
    }
    if (JSON.stringify(before) !== JSON.stringify(now)) await this.logs.call('POST', '/_nodes/reload_secure_settings');
    this.#loaded = now;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.api[Symbol.asyncDispose](), this.logs[Symbol.asyncDispose]()]);
  }
}
