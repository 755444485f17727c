import { messageOf } from '@remora/shared/errors.ts';
import type { ConnectionView, NodeProof } from '@remora/shared/model/inventory.ts';
import { observePathsOf } from '../../observe/connections/connection-paths.ts';
import { isProven, proveConnection } from '../../observe/connections/proof.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { onlyNodes, placeOf } from '../../plan/connection/alias-place.ts';
import { type AnyConnectionRecord, isByCertificate, isForeign } from '../../plan/connection/connection-records.ts';
import { ANY_KEY, type ProvingKey } from '../../plan/connection/proof-hints.ts';
import { connectionInfoOf, nodeInfoOf, type RemoteInfo, remoteInfoOf } from './remote-info.ts';

const proofOf = async (
  parts: ObserveParts,
  local: string,
  alias: string,
  key: ProvingKey,
  only?: readonly string[],
): Promise<NodeProof[]> => {
  try {
    return await proveConnection(parts, local, alias, key, only);
  } catch (error) {
    return [{ node: local, ok: false, state: 'failed', error: messageOf(error), hint: null }];
  }
};

const keyOf = async (parts: ObserveParts, record: AnyConnectionRecord): Promise<ConnectionView['key']> => {
  if (isForeign(record)) return { ...record.key, name: record.key.name ?? record.key.id };
  if (isByCertificate(record)) return null;
  const key = await parts.inventory.apiKeys.get(record.keySecret);
  const expiresAt = key?.expiresAtMs ? new Date(key.expiresAtMs).toISOString() : null;
  return key ? { id: key.id, name: key.name, expiresAt } : null;
};

const managed = async (parts: ObserveParts, record: AnyConnectionRecord): Promise<ConnectionView> => {
  const { local, alias, auth, mode } = record;
  const key = await keyOf(parts, record);
  const place = placeOf(record);
  const proof = await proofOf(parts, local, alias, key?.id ?? null, onlyNodes(place).nodes);
  const side = isForeign(record)
    ? ({ remote: record.foreign.name, remoteManaged: false } as const)
    : { remote: record.remote };
  const inFiles = place.kind === 'files' ? { staticNodes: place.nodes === 'all' ? place.nodes : [...place.nodes] } : {};
  return { local, ...side, alias, auth, mode, ...inFiles, connected: isProven(proof), proof, key, managed: true };
};

const unmanaged = async (
  parts: ObserveParts,
  local: string,
  alias: string,
  info: RemoteInfo,
): Promise<ConnectionView> => {
  const proof = await proofOf(parts, local, alias, ANY_KEY);
  const auth = info.cluster_credentials === undefined ? 'certificate' : 'api_key';
  return {
    local,
    remote: null,
    alias,
    auth,
    mode: info.mode,
    connected: isProven(proof),
    proof,
    key: null,
    managed: false,
  };
};

/** The same with every way that it takes; of a cluster that cannot be looked at the proof tells already. */
export const withPaths = async (parts: ObserveParts, view: ConnectionView): Promise<ConnectionView> => {
  try {
    const remote = view.remoteManaged === false ? null : view.remote;
    return { ...view, paths: await observePathsOf(parts, { ...view, remote }) };
  } catch {
    return { ...view, paths: [] };
  }
};

/** Connections with a proof from every node: those that Remora manages, then those that it finds on the clusters. */
export const connectionViews = async (
  parts: ObserveParts,
  local?: string,
  alias?: string,
): Promise<ConnectionView[]> => {
  const isWanted = (one: { readonly local: string; readonly alias: string }): boolean =>
    (local ?? one.local) === one.local && (alias ?? one.alias) === one.alias;
  const records = await parts.inventory.connections.list();
  const clusters = (await parts.inventory.clusters.list())
    .map(({ name }) => name)
    .filter((name) => (local ?? name) === name);
  const found = await Promise.all(
    clusters.map(async (cluster) =>
      Object.entries(await remoteInfoOf(parts, cluster)).map(([name, info]) => ({ local: cluster, alias: name, info })),
    ),
  );
  const others = found
    .flat()
    .filter(
      (one) => isWanted(one) && !records.some((record) => record.local === one.local && record.alias === one.alias),
    );
  const views = await Promise.all([
    ...records.filter(isWanted).map((record) => managed(parts, record)),
    ...others.map((one) => unmanaged(parts, one.local, one.alias, one.info)),
  ]);
  return withInfo(parts, views);
};

/** Asked once more after the proofs: until a request crosses a connection a cluster says what was before. */
const withInfo = async (parts: ObserveParts, views: readonly ConnectionView[]): Promise<ConnectionView[]> => {
  const locals = [...new Set(views.map(({ local }) => local))];
  const infos = new Map(
    await Promise.all(locals.map(async (name) => [name, await remoteInfoOf(parts, name)] as const)),
  );
  return Promise.all(
    views.map(async (view) => {
      const node = view.staticNodes && view.proof.find(({ state }) => state !== 'n/a')?.node;
      const known = node === undefined ? infos.get(view.local) : await nodeInfoOf(parts, { cluster: view.local, node });
      const info = known?.[view.alias];
      return info === undefined ? view : { ...view, info: connectionInfoOf(info) };
    }),
  );
};
