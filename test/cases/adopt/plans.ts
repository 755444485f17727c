import type { RemoraError } from '@remora/shared/errors.ts';
import type { NodeProof } from '@remora/shared/model/inventory.ts';
import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import { planAdoption } from '../../../coordinator/src/plan/adopt/adopt.ts';
import type { AdoptionFacts, ServedAuthority } from '../../../coordinator/src/plan/adopt/facts.ts';
import { inCluster } from '../../../coordinator/src/plan/connection/alias-place.ts';
import type { ClusterKey } from '../../../coordinator/src/plan/keys/cluster-key.ts';
import { connectingNodes } from '../../../coordinator/src/plan/node/nodes.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { certificateFacts, factsOf, request, sha256 } from '../connect/facts.ts';
import { planIn } from '../connect/plans.ts';
import { handMade, isConnected } from '../connect/truth.ts';
import { listening, type World, world } from '../connect/world.ts';

const DAY_MS = 86_400_000;
export const CREDENTIALS = 'cluster.remote.us.credentials';
export const authorities = 'xpack.security.remote_cluster_client.ssl.certificate_authorities';
const SERVER = 'xpack.security.remote_cluster_server.ssl';
const one: AdoptRequest = { local: 'eu', alias: 'us' };

/** The CA that people made for the remote cluster. */
const theirCa = {
  certificatePem: 'PEM of their CA',
  facts: certificateFacts('aabbccddeeff0011', 0, Date.parse('2035-01-01T00:00:00Z')),
};

/** Two clusters that people connected by hand as `us`, as Elastic's page has it done, with something bent. */
export const byHand = (change: (made: World) => void = () => undefined, nodes = { remote: 2, local: 2 }): World => {
  const made = world(nodes);
  for (const node of made.remote.nodes) {
    const settings = { 'remote_cluster_server.enabled': true, [`${SERVER}.keystore.path`]: handMade.server };
    Object.assign(node.yml.values, settings);
    Object.assign(node.running.settings, settings);
    node.running.certificatePaths = [handMade.server];
    node.keystore.entries[`${SERVER}.keystore.secure_password`] = { reference: null, writtenAtMs: null };
    node.files[handMade.server] = { source: null, certificates: [] };
  }
  for (const node of made.local.nodes) {
    node.yml.values[authorities] = [handMade.authorities];
    node.running.settings[authorities] = [handMade.authorities];
    node.running.certificatePaths = [handMade.authorities];
    node.running.credentials = { us: null };
    node.keystore.entries[CREDENTIALS] = { reference: null, writtenAtMs: null };
    node.files[handMade.authorities] = { source: null, certificates: [theirCa.facts.fingerprint256] };
  }
  made.local.persistent['cluster.remote.us.seeds'] = made.remote.nodes.map(
    ({ transportHost }) => `${transportHost}:9443`,
  );
  made.handMadeKey = { id: 'theirs', name: 'by hand', usable: true };
  change(made);
  return made;
};

/** As Elasticsearch would show the key that people made: it adds defaults. */
const handMadeKey = ({ nowMs, handMadeKey: key }: World): ClusterKey => ({
  ...{ id: key?.id ?? '', name: key?.name ?? '', owner: 'ann', certificateIdentity: null },
  access: { search: [{ names: ['logs-*'], allow_restricted_indices: false }] },
  metadata: { team: 'search' },
  ...{ createdAtMs: nowMs - 10 * DAY_MS, expiresAtMs: nowMs + 80 * DAY_MS, invalidated: !key?.usable },
});

const keysOf = (made: World): ClusterKey[] => [
  ...(made.handMadeKey ? [handMadeKey(made)] : []),
  ...made.keys.map(({ record, usable }) => ({
    ...handMadeKey(made),
    ...{ id: record.id, name: record.name, invalidated: !usable },
  })),
];

const servers = (made: World): ServedAuthority[] =>
  made.remote.nodes.flatMap((node) => {
    const server = listening(node);
    const record = made.certificates.find((certificate) => certificate.node === node.name);
    const ca = record ? made.cas.find(({ name }) => name === record.ca) : theirCa;
    if (!server || !ca) return [];
    const { certificatePem, facts } = ca;
    return [{ address: `${server.names[0]}:${server.port}`, ca: { certificatePem, facts }, problem: '' }];
  });

/** What the planner would be shown of this world. */
const adoptFacts = (made: World): AdoptionFacts => {
  const { local, remote, connections, cas, certificates, secretVersions } = factsOf(made, request());
  const connecting = connectingNodes(local, inCluster);
  const idOf = (node: string): string | null => {
    const reference = made.local.nodes.find(({ name }) => name === node)?.running.credentials.us;
    const key = made.keys.find(({ record }) => record.secret === reference);
    return reference === null ? (made.handMadeKey?.id ?? null) : (key?.record.id ?? null);
  };
  const works = isConnected(made, 'us');
  const proof = connecting.map(
    ({ name: node }): NodeProof => ({
      ...{ node, ok: works, state: works ? 'ok' : 'failed', error: works ? null : 'it is broken', hint: null },
    }),
  );
  return structuredClone({
    ...{ local, remote, connections, cas, certificates, secretVersions, proof, servers: servers(made) },
    used: connecting.map(({ name: node }) => ({ node, id: idOf(node), answer: '' })),
    clusters: [
      { cluster: 'us', keys: keysOf(made) },
      { cluster: 'eu', keys: [] },
    ],
    apiKeys: made.keys.map(({ record }) => record),
    keys: made.keys.map((key) => ({ ...key, key: keysOf(made).find(({ id }) => id === key.record.id) ?? null })),
  });
};

export type Bend = (facts: AdoptionFacts) => AdoptionFacts;

/** A plan for this world; `bend` changes what is observed of it. */
export const planAdopt = (made: World, wish: Partial<AdoptRequest> = {}, bend: Bend = (facts) => facts): StoredPlan =>
  planAdoption({ ...one, ...wish }, bend(adoptFacts(made)), {
    ...{ planId: 'plan-1', now: new Date(made.nowMs).toISOString(), hash: sha256 },
  });

export const refusal = (made: World, wish: Partial<AdoptRequest> = {}, bend: Bend = (facts) => facts): RemoraError => {
  try {
    planAdopt(made, wish, bend);
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was not refused');
};

/** The world after the plan, or after so many of its steps. */
export const adopted = (made: World, wish: Partial<AdoptRequest> = {}, count = Number.POSITIVE_INFINITY): World =>
  applySteps(made, planAdopt(made, wish).steps.slice(0, count));

/** The values with which the connection was made by hand. */
export const sameWish = request({
  ...{ expires: '90d', metadata: { team: 'search' } },
  seeds: ['10.0.1.1:9443', '10.0.1.2:9443'],
});

/** What `connect` would do with the same values. */
export const connectAgain = (made: World, wish: Partial<typeof sameWish> = {}): StoredPlan =>
  planIn(made, { ...sameWish, ...wish });
