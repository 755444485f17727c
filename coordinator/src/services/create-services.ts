import type { AuditLog } from '../audit/audit-log.ts';
import type { RecordAlone } from '../audit/record-alone.ts';
import type { Clock } from '../clock.ts';
import { openNamedCloud } from '../cloud/open.ts';
import type { ClusterClients } from '../elasticsearch/clusters.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { RollbackParts, RunHistory } from '../observe/observe-rollback.ts';
import type { NodeId } from '../plan/node/node-id.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { Services } from '../services.ts';
import type { Inventory } from '../store/inventory.ts';
import { caService } from './certificates/cas.ts';
import type { CertificateWatch } from './certificates/certificate-watch.ts';
import { certificateService } from './certificates/certificates.ts';
import { issuingService } from './certificates/issuing.ts';
import { signingRequestService } from './certificates/signing-requests.ts';
import { cloudService } from './clusters/clouds.ts';
import { clusterService } from './clusters/clusters.ts';
import type { LockOf } from './clusters/held-clusters.ts';
import { nodeService } from './clusters/nodes.ts';
import { connectionService } from './connections/connections.ts';
import { roleService } from './connections/roles.ts';
import { type DoctorParts, doctor } from './doctor/doctor.ts';
import { apiKeyService } from './keys/api-keys.ts';
import { keepGivenKey } from './keys/given-keys.ts';
import { keepGivenPassword } from './keys/given-passwords.ts';
import { handOutKey } from './keys/handed-keys.ts';
import { notifyService } from './notify.ts';
import { type ChangeParts, changeOf } from './runs/changes.ts';
import { type PlanServiceParts, planService } from './runs/plans.ts';
import { beginScheduled, type ScheduledParts } from './schedules/scheduled-workflows.ts';
import { scheduleService } from './schedules/schedules.ts';
import { secretService } from './secrets.ts';
import { tokenService } from './tokens.ts';

/** What is there before runs are: enough to observe. */
interface Ground {
  readonly inventory: Inventory;
  readonly secrets: SecretStore;
  readonly clients: ClusterClients;
  readonly gateway: Pick<Gateway, 'calls' | 'sessions' | 'tokens' | 'disconnect'>;
  readonly clock: Clock;
  readonly history: RunHistory;
}

export interface ServiceParts extends Ground {
  readonly runs: Services['runs'];
  /** Plans and their runs, as the runner keeps them. */
  readonly planning: Pick<
    ChangeParts & PlanServiceParts,
    'newPlanId' | 'start' | 'startedWith' | 'savePlan' | 'plan' | 'plans'
  >;
  readonly lockOf: LockOf;
  /** Has a schedule be looked at soon. */
  readonly wakeSchedule: (name: string) => Promise<void>;
  readonly certificateWatch: CertificateWatch;
  readonly audit: AuditLog;
  readonly fleetCa: Services['fleet'];
  readonly recordAlone: RecordAlone;
  readonly history: RunHistory & DoctorParts['runs'];
  readonly health: Pick<DoctorParts, 'pingStore' | 'durability' | 'freeBytes' | 'storeProblem' | 'identity'>;
}

export const observeParts = ({ inventory, secrets, clients, gateway, clock, history }: Ground): RollbackParts => ({
  history,
  clients,
  agents: gateway.calls,
  inventory,
  secretVersions: () => secrets.versions(),
  secretValue: async (reference) => (await secrets.get(reference)).toString('utf8'),
  cloud: (name, signal) => openNamedCloud({ clouds: inventory.clouds, secrets }, name, signal),
  clock,
});

/** What changes of the fleet are planned and carried out with. */
const changeParts = (parts: ServiceParts): ChangeParts & PlanServiceParts => ({
  ...observeParts(parts),
  ...parts.planning,
  isOnline: (node: NodeId): Promise<boolean> => parts.gateway.sessions.isOnline(node),
});

const certificatesOf = (parts: ServiceParts, changing: ChangeParts): Services['certificates'] =>
  certificateService(
    { watch: parts.certificateWatch, nodes: parts.inventory.nodes, identity: parts.health.identity },
    {
      rotation: changeOf(changing, 'rotate-certificates'),
      placement: changeOf(changing, 'place-certificates'),
    },
  );

const scheduledParts = (parts: ServiceParts): ScheduledParts => {
  const changing = changeParts(parts);
  return { ...changing, certificates: certificatesOf(parts, changing) };
};

/** Carries out what schedules do. */
export const scheduledWork = (parts: ServiceParts): ReturnType<typeof beginScheduled> =>
  beginScheduled(scheduledParts(parts));

/** Everything that the HTTP API offers, from the coordinator's parts. */
export const createServices = (parts: ServiceParts): Services => {
  const { inventory, secrets, clients, gateway, clock, lockOf, wakeSchedule } = parts;
  const observing = observeParts(parts);
  const changing = changeParts(parts);
  return {
    clusters: clusterService({
      ...{ inventory, secrets, clients, clock, lockOf, recordAlone: parts.recordAlone },
      cloud: observing.cloud,
    }),
    tokens: tokenService(gateway.tokens, inventory.clusters),
    nodes: nodeService({ ...inventory, gateway, lockOf }),
    connections: connectionService(observing, changeOf(changing, 'connect'), {
      removal: changeOf(changing, 'disconnect'),
      byCertificate: changeOf(changing, 'connect-certificate'),
      migration: changeOf(changing, 'migrate'),
      adoption: changeOf(changing, 'adopt'),
      foreign: { ...changeOf(changing, 'connect-foreign'), keepKey: keepGivenKey(secrets) },
    }),
    apiKeys: apiKeyService(observing, {
      rotation: changeOf(changing, 'rotate-key'),
      revocation: changeOf(changing, 'revoke-key'),
      creation: changeOf(changing, 'create-key'),
      handedRevocation: changeOf(changing, 'revoke-handed-key'),
      handOut: handOutKey({ ...observing, secrets, recordAlone: parts.recordAlone }),
    }),
    roles: roleService(observing, {
      application: changeOf(changing, 'apply-role'),
      removal: changeOf(changing, 'remove-role'),
      keepPassword: keepGivenPassword(observing, secrets),
    }),
    restarts: changeOf(changing, 'restart'),
    trustRestrictions: {
      set: changeOf(changing, 'trust-restrictions'),
      removal: changeOf(changing, 'trust-restrictions-removal'),
    },
    rollbacks: changeOf(changing, 'rollback'),
    plans: planService(changing),
    runs: parts.runs,
    secrets: secretService({ store: secrets, inventory }),
    certificates: certificatesOf(parts, changing),
    cas: caService({ inventory, secrets, clock, rotation: changeOf(changing, 'rotate-ca') }),
    schedules: scheduleService({ ...scheduledParts(parts), wakeSchedule }),
    clouds: cloudService({
      ...{ clouds: inventory.clouds, clusters: inventory.clusters, secrets, clock },
      deploymentTrusts: inventory.deploymentTrusts,
      change: changeOf(changing, 'cloud-deployment'),
    }),
    notify: notifyService({ webhooks: inventory.webhooks, secrets, clock }),
    issuing: issuingService({ inventory, secrets, clock, recordAlone: parts.recordAlone }),
    signingRequests: signingRequestService({ inventory, secrets, clock }),
    audit: parts.audit,
    fleet: parts.fleetCa,
    doctor: () =>
      doctor({
        ...{ ...observing, ...parts.health, runs: parts.history, certificateWatch: parts.certificateWatch },
        ...{ refused: gateway.sessions.refused, turnedAway: gateway.sessions.turnedAway },
        fleet: () => parts.fleetCa.status(),
      }),
  };
};
