import { X509Certificate } from 'node:crypto';
import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import { DAY_MS } from '@remora/shared/model/values/duration.ts';
import { nameConstraintsOf } from '../../pki/names/name-constraints.ts';
import { isRegistered, placeOf } from '../../plan/connection/alias-place.ts';
import type { ConnectionRecord } from '../../plan/connection/connection-records.ts';
import type { ClusterObservation } from '../../plan/facts.ts';
import { connectingNodes } from '../../plan/node/nodes.ts';
import type { CaRecord } from '../../plan/records.ts';
import { concernedBy, usersOf } from '../../plan/rotate-ca/concerned.ts';
import type { CaRotationFacts } from '../../plan/rotate-ca/facts.ts';
import { ways } from '../../plan/rotate-ca/proofs.ts';
import { ownCa } from '../../plan/trust/ca-names.ts';
import { otherNodes } from '../connections/observe-connect.ts';
import { proveConnection } from '../connections/proof.ts';
import type { ObserveParts } from '../observe-nodes.ts';
import { lookAt, observeTrust } from './observe-rotation.ts';

/** What a CA is like that was made or imported. A short key of an imported one is no pattern to follow. */
const likenessOf = ({ name, certificatePem, facts }: CaRecord): CaRotationFacts['like'] => {
  const { publicKey, subject } = new X509Certificate(certificatePem);
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  const days = Math.round((Date.parse(facts.notAfter) - Date.parse(facts.notBefore)) / DAY_MS);
  return {
    commonName: /^CN=(.+)$/m.exec(subject)?.[1] ?? name,
    keyBits: bits > ownCa.keyBits ? 4096 : ownCa.keyBits,
    validityDays: Math.max(1, days),
    isConstrained: nameConstraintsOf(certificatePem) !== null,
  };
};

/** Why a connection does not work from nodes whose agents are there, or null; undefined of one that is not registered. */
const problemOf = async (
  parts: ObserveParts,
  cluster: ClusterObservation,
  connection: ConnectionRecord,
): Promise<string | null | undefined> => {
  const { local, alias, keySecret } = connection;
  if (!isRegistered(cluster, connection)) return undefined;
  const key = await parts.inventory.apiKeys.get(keySecret);
  const there = connectingNodes(cluster, placeOf(connection)).filter(({ agent }) => agent.state === 'online');
  const proof = await proveConnection(
    parts,
    local,
    alias,
    key?.id ?? null,
    there.map(({ name }) => name),
  );
  const bad = proof.find(({ state }) => state === 'failed');
  return bad ? `${bad.node}: ${bad.error}` : null;
};

/** By `LOCAL/ALIAS` why a connection does not work; null of one that does, none of one that is not registered. */
export const problemsOf = async (
  parts: ObserveParts,
  clusters: readonly ClusterObservation[],
  connections: readonly ConnectionRecord[],
): Promise<Map<string, string | null>> => {
  const looks = connections.map(async (connection): Promise<[string, string | null][]> => {
    const cluster = clusters.find(({ name }) => name === connection.local);
    const problem = cluster && (await problemOf(parts, cluster, connection));
    return problem === undefined ? [] : [[`${connection.local}/${connection.alias}`, problem]];
  });
  return new Map((await Promise.all(looks)).flat());
};

/** Gathers everything that the planner of a CA's rotation looks at. Changes nothing; throws what the records alone forbid. */
export const observeCaRotation = async (parts: ObserveParts, request: CaRotateRequest): Promise<CaRotationFacts> => {
  const [certificates, cas, connections, signers, secretVersions, signed, joined, apiKeys] = await Promise.all([
    parts.inventory.certificates.list(),
    parts.inventory.cas.list(),
    parts.inventory.connections.list(),
    parts.inventory.signingCertificates.list(),
    parts.secretVersions(),
    parts.inventory.signingRequests.list(),
    parts.inventory.nodes.list(),
    parts.inventory.apiKeys.list(),
  ]);
  const records = { certificates, cas, connections, signers, secretVersions };
  const concerned = concernedBy(request, records, parts.clock().toISOString());
  const looked = await lookAt(parts, concerned.clusters);
  const clusters = [...looked.values()].filter((found) => typeof found === 'object');
  const seen = (name: string) => clusters.find((cluster) => cluster.name === name);
  const trust = ways(concerned.connections, clusters).flatMap(({ connection, proxy }) => {
    const { local, remote, alias } = connection;
    const [from, to] = [seen(local), seen(remote)];
    return from && to
      ? connectingNodes(from, placeOf(connection)).map((node) =>
          observeTrust(parts, { remote: to, alias, cluster: local, node, proxy }),
        )
      : [];
  });
  return {
    ...records,
    clusters,
    ...{ signed, apiKeys },
    otherNodes: otherNodes(joined, concerned.remotes),
    unseen: new Map(
      [...looked].flatMap(([name, found]) => (typeof found === 'string' ? [[name, found] as const] : [])),
    ),
    like: likenessOf(concerned.old),
    trust: await Promise.all(trust),
    problems: await problemsOf(parts, clusters, usersOf(concerned)),
  };
};
