import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEntries, writeEntries } from '../../support/keystore-file.ts';
import type { BedNode } from '../stack/bed.ts';
import type { CheapBed } from './bed.ts';
import type { CheapCluster } from './cluster.ts';
import { createKey } from './keys.ts';
import { openState } from './state.ts';
import { TheirCa } from './their-ca.ts';

const SERVER = 'xpack.security.remote_cluster_server.ssl';
const CLIENT = 'xpack.security.remote_cluster_client.ssl';
const PASSWORD = 'changeit';

const makeFiles = async () => {
  const authority = await TheirCa.create('their CA');
  return { ca: authority.certificatePem, p12: await authority.issue('theirs', PASSWORD) };
};
/** Made once: keys cost more than all the rest. */
let files: ReturnType<typeof makeFiles> | undefined;

const configure = ({ configDir }: BedNode, settings: readonly string[], entries: Record<string, string>): void => {
  appendFileSync(join(configDir, 'elasticsearch.yml'), `${settings.join('\n')}\n`);
  writeEntries(configDir, { ...readEntries(configDir), ...entries });
};

const seedsOf = ({ stateDir }: CheapCluster): string[] =>
  openState(stateDir)
    .nodes()
    .map(({ settings }) => `127.0.0.1:${settings['remote_cluster.port']}`);

/** Connects the local cluster to the remote one as people do who follow Elastic's pages, while the nodes are stopped. */
export const connectByHand = async (bed: CheapBed): Promise<void> => {
  const [us, eu] = bed.clusters;
  if (!us || !eu) throw new Error('a cluster is missing');
  files ??= makeFiles();
  const { ca, p12 } = await files;
  const seeds = seedsOf(us);
  await bed.end();
  for (const node of us.nodes) {
    writeFileSync(join(node.configDir, 'theirs.p12'), p12);
    const settings = ['remote_cluster_server.enabled: true', `${SERVER}.keystore.path: theirs.p12`];
    configure(node, settings, { [`${SERVER}.keystore.secure_password`]: PASSWORD });
  }
  const access = { search: [{ names: ['logs-*'] }] };
  const { encoded } = createKey(openState(us.stateDir), { name: 'by hand', access, metadata: {} });
  for (const node of eu.nodes) {
    writeFileSync(join(node.configDir, 'theirs.crt'), ca);
    configure(node, [`${CLIENT}.certificate_authorities: theirs.crt`], { 'cluster.remote.us.credentials': encoded });
  }
  openState(eu.stateDir).change(({ persistent }) => {
    persistent['cluster.remote.us.seeds'] = seeds;
  });
  await bed.begin();
};

const TRANSPORT = 'xpack.security.transport.ssl';
const PATTERN_SCOPE = 'acme';

const makeTransportFiles = async (bed: CheapBed) =>
  Promise.all(
    bed.clusters.map(async ({ name, nodes }) => {
      const authority = await TheirCa.create(`transport CA of ${name}`);
      const issue = async (node: string): Promise<readonly [string, Buffer]> => {
        const otherNames = [`${node}.node.${name}.cluster.${PATTERN_SCOPE}.account`];
        return [node, await authority.issue(node, PASSWORD, otherNames)];
      };
      return { ca: authority.certificatePem, p12s: new Map(await Promise.all(nodes.map((node) => issue(node.name)))) };
    }),
  );
let transportFiles: ReturnType<typeof makeTransportFiles> | undefined;

/** Has the nodes of each cluster speak TLS on their transport ports, with a CA for each cluster and a port of its own for each node. */
export const secureTransport = async (bed: CheapBed): Promise<void> => {
  transportFiles ??= makeTransportFiles(bed);
  const made = await transportFiles;
  await bed.end();
  for (const [index, { nodes }] of bed.clusters.entries())
    for (const node of nodes) {
      const p12 = made[index]?.p12s.get(node.name);
      if (p12 === undefined) throw new Error(`there is no certificate for ${node.name}`);
      writeFileSync(join(node.configDir, 'transport.p12'), p12);
      writeFileSync(join(node.configDir, 'transport-ca.crt'), made[index]?.ca ?? '');
      const settings = [
        ...[`${TRANSPORT}.enabled: true`, `${TRANSPORT}.keystore.path: transport.p12`],
        `${TRANSPORT}.certificate_authorities: transport-ca.crt`,
      ];
      configure(node, settings, { [`${TRANSPORT}.keystore.secure_password`]: PASSWORD });
    }
  await bed.begin();
};
