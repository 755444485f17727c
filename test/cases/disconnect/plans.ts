import type { RemoraError } from '@remora/shared/errors.ts';
import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { planDisconnect } from '../../../coordinator/src/plan/disconnect/disconnect.ts';
import type { DisconnectFacts } from '../../../coordinator/src/plan/disconnect/facts.ts';
import type { StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import type { World } from '../connect/world.ts';

type More = Partial<
  Pick<
    DisconnectFacts,
    | 'strays'
    | 'otherKeys'
    | 'followers'
    | 'roles'
    | 'busy'
    | 'goneNodes'
    | 'goneAnswer'
    | 'goneDeployment'
    | 'transport'
    | 'remoteRoles'
  >
>;

/** What the coordinator would observe before it takes `eu/ALIAS` apart. */
const observed = (world: World, alias: string, more: More): DisconnectFacts => {
  const facts = factsOf(world, request({ alias }));
  const connection = world.connections.find((one) => one.alias === alias);
  if (!connection) throw new Error(`there is no connection ${alias}`);
  const keys = facts.keys.filter(({ record }) => record.secret.startsWith(`secret:connection/eu/${alias}/`));
  const { local, remote, connections, cas, certificates, signers, secretVersions } = facts;
  return {
    ...{ connection, local, remote, connections, cas, certificates, signers, keys, secretVersions },
    ...{ strays: [], otherKeys: [], followers: [], roles: [], busy: [], ...more },
  };
};

export const planOff = (world: World, wish: Partial<DisconnectRequest> = {}, more: More = {}): StoredPlan => {
  const wanted = { local: 'eu', alias: 'us', ...wish };
  return planDisconnect(wanted, observed(world, wanted.alias, more), {
    planId: 'plan-off',
    now: new Date(world.nowMs).toISOString(),
    hash: sha256,
  });
};

/** The world once the connection is taken apart, by the planner's own plan. */
export const disconnected = (world: World, wish: Partial<DisconnectRequest> = {}): World =>
  applySteps(world, planOff(world, wish).steps);

/** The world where the connection `second` has a CA of its own, which all local nodes trust. */
export const ownCa = (world: World): World => {
  const [first] = world.cas;
  if (!first) throw new Error('there is no CA');
  world.cas.push({
    ...first,
    name: 'other',
    certificate: 'secret:ca/other/certificate@1',
    facts: { ...first.facts, fingerprint256: 'other' },
  });
  world.secretVersions['ca/other/certificate'] = 1;
  world.connections = world.connections.map((one) => (one.alias === 'second' ? { ...one, ca: 'other' } : one));
  for (const { files } of world.local.nodes) files['remora-remote-cluster-cas.crt']?.certificates.push('other');
  return world;
};

export const refusalOf = (world: World, wish: Partial<DisconnectRequest> = {}, more: More = {}): RemoraError => {
  try {
    planOff(world, wish, more);
  } catch (error) {
    return error as RemoraError;
  }
  throw new Error('it was not refused');
};

/** What people configured and what Elasticsearch runs with: all but the times, processes and records of Remora. */
export const traces = ({ local, remote }: World): unknown =>
  [local, remote].map(({ persistent, nodes }) => ({
    persistent,
    nodes: nodes.map(({ name, yml, keystore, files, running }) => ({
      ...{ name, yml: yml.values, entries: Object.keys(keystore.entries), files: Object.keys(files) },
      running: running.settings,
      credentials: running.credentials,
    })),
  }));
