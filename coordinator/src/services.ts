import type { AuditEntry, AuditVerdict } from '@remora/shared/model/audit.ts';
import type { CertificateList } from '@remora/shared/model/certificates/certificate-view.ts';
import type {
  CertificateFiles,
  FileForm,
  IssuePreview,
  IssueRequest,
  IssueWish,
} from '@remora/shared/model/certificates/issue-request.ts';
import type {
  NewSigningRequest,
  SigningRequestView,
  SigningWish,
} from '@remora/shared/model/certificates/signing-request.ts';
import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import type { CloudInput, CloudView, DeploymentView } from '@remora/shared/model/clouds/cloud.ts';
import type { CloudChangeRequest } from '@remora/shared/model/clouds/cloud-change.ts';
import type { FleetStatus } from '@remora/shared/model/fleet.ts';
import type {
  ClusterAdded,
  ClusterView,
  ConnectionView,
  DoctorLine,
  NodeView,
} from '@remora/shared/model/inventory.ts';
import type { KeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import type { KeyList } from '@remora/shared/model/keys/key-view.ts';
import type { RoleCheck, RoleList } from '@remora/shared/model/keys/role-view.ts';
import type { AdoptRequest } from '@remora/shared/model/requests/adopt-request.ts';
import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import type { CertificateConnectRequest } from '@remora/shared/model/requests/certificate-connect-request.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import type {
  ForeignConnectRequest,
  GivenKey,
  KeptKey,
} from '@remora/shared/model/requests/foreign-connect-request.ts';
import type { HandedKey, HandOutRequest, KeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import type { KeyRevokeRequest, KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import type { MigrateRequest } from '@remora/shared/model/requests/migrate-request.ts';
import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import type { RestartRequest } from '@remora/shared/model/requests/restart-request.ts';
import type {
  GivenPassword,
  KeptPassword,
  RoleApplyRequest,
  RoleRemoveRequest,
} from '@remora/shared/model/requests/role-request.ts';
import type { RotateRequest } from '@remora/shared/model/requests/rotate-request.ts';
import type {
  TrustRestrictionsRemoval,
  TrustRestrictionsRequest,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import type { Run, RunEvent, RunStatus } from '@remora/shared/model/run.ts';
import type { ScheduleAdded, ScheduleRequest, ScheduleResult, ScheduleView } from '@remora/shared/model/schedule.ts';
import type { WebhookRequest, WebhookTest, WebhookView } from '@remora/shared/model/webhook.ts';
import type { AuditPage } from './audit/audit-log.ts';
import type { CaView } from './http/schemas/ca-view.ts';
import type { RsaBits } from './pki/keys.ts';
import type { CaFiles } from './pki/read/read-ca.ts';
import type { DeploymentId } from './plan/records.ts';
import type { RollbackRequest } from './plan/rollback/rollback.ts';
import type { PlanDocument } from './plan/steps.ts';
import type { GivenCertificates } from './services/certificates/given-certificates.ts';
import type { UserCreation } from './services/clusters/remora-user.ts';
import type { Page } from './store/page.ts';

export interface ClusterInput {
  readonly name: string;
  readonly urls: readonly string[];
  /** PEM text of the CA that signed the cluster's HTTPS certificates; null trusts the system's CAs. */
  readonly caPem: string | null;
  readonly user: string;
  readonly password: string;
  /** Plain http beyond loopback is refused without it. */
  readonly allowPlainHttp: boolean;
  /** The user is made first, with what Remora needs and nothing more. */
  readonly creation?: UserCreation;
  /** Of a deployment in Elastic Cloud: without URLs its cloud says where it is. */
  readonly deployment?: DeploymentId;
}

export interface TokenInput {
  readonly cluster: string;
  readonly ttlMs: number;
  /** How many agents may join with it. */
  readonly uses: number;
}

/** A CA of Remora's own. */
export interface CaCreation {
  readonly name: string;
  /** Default: the name. */
  readonly commonName?: string;
  readonly keyBits: RsaBits;
  readonly validityDays: number;
  /** How many CAs may stand between this one and an end certificate; absent: any number. */
  readonly pathLength?: number;
  /** `DNS:…` and `IP:…` that it may certify; absent: all. */
  readonly permit?: readonly string[];
  /** What it must not certify of these. */
  readonly exclude?: readonly string[];
}

/** A CA that was made elsewhere, see pki/read-ca.ts. */
export interface CaImport extends CaFiles {
  readonly name: string;
}

/** Who wants a change carried out, and how. */
export interface ChangeRequest {
  /** Who asks, for the run and the audit. */
  readonly actor: string;
  /** The same key never makes a second run. */
  readonly idempotencyKey: string | null;
  /** Hash of the plan that a person confirmed; `plan-stale` when the plan would be another by now. */
  readonly planHash: string | null;
  /** How it is to be carried out. */
  readonly change: ChangeOptions;
}

/** When a key of a connection ends, in ms since 1970, and the remote cluster that made it. */
export interface KeyEnd {
  readonly cluster: string;
  readonly expiresAtMs: number;
}

/** A change that is planned: its plan, which is kept and changes nothing, and its run. */
export interface Change<W> {
  /** The options are how it would be carried out: they decide which nodes restart together. */
  plan(wish: W, options: ChangeOptions): Promise<PlanDocument>;
  start(wish: W, request: ChangeRequest): Promise<Run>;
}

/**
 * Everything that the HTTP API offers, free of HTTP. What goes wrong is thrown as RemoraError: `not-found` for names that are not known, `bad-input` for
 * values, `preflight-failed` and its kin for what the fleet does not allow.
 */
export interface Services {
  readonly clusters: {
    /**
     * Reaches the cluster first; one that can't be reached, trusted or logged in to is not added. Of a cluster that is known by this name, the URLs, CA, user
     * and password take the place of the old ones.
     */
    add(input: ClusterInput, actor: string): Promise<ClusterAdded>;
    list(): Promise<ClusterView[]>;
    show(name: string): Promise<ClusterView>;
    /** `conflict` while a run holds the cluster, a connection or a node with an agent is left, or, unless they may, keys that others were given live on. */
    remove(name: string, actor: string, options: { readonly leaveKeys: boolean }): Promise<void>;
  };
  readonly tokens: {
    create(input: TokenInput, actor: string): Promise<{ token: string; expiresAt: string }>;
  };
  readonly nodes: {
    list(): Promise<NodeView[]>;
    /** Node names are unique in their cluster only; `bad-input` when the name alone is ambiguous. */
    show(name: string, cluster?: string): Promise<NodeView>;
    /** `conflict` while a run holds its cluster. */
    remove(name: string, cluster: string | undefined, actor: string): Promise<void>;
  };
  readonly connections: Change<ConnectRequest> & {
    list(): Promise<ConnectionView[]>;
    show(local: string, alias: string): Promise<ConnectionView>;
    /** Proves by a real request from every local node; all connections when none is named. */
    check(local?: string, alias?: string): Promise<ConnectionView[]>;
    /** `not-found` for one that Remora does not manage. */
    readonly removal: Change<DisconnectRequest>;
    readonly byCertificate: Change<CertificateConnectRequest>;
    /** From certificates to API keys. A run that fails is rolled back unless it is said otherwise. */
    readonly migration: Change<MigrateRequest>;
    /** Takes over what people made by hand. A run that fails is rolled back unless it is said otherwise. */
    readonly adoption: Change<AdoptRequest>;
    /** To a cluster that others run, who gave the key: only the local side is changed. */
    readonly foreign: Change<ForeignConnectRequest> & {
      /** Seals the key; `bad-input` for what is none. */
      keepKey(given: GivenKey, actor: string): Promise<KeptKey>;
    };
  };
  readonly apiKeys: {
    /** Cross-cluster keys of all clusters that are known; `problems` say which ones did not answer. */
    list(): Promise<KeyList>;
    /** When the keys of connections end, of those that do; asks no cluster. */
    ends(): Promise<readonly KeyEnd[]>;
    /** Keys of connections take the place of others without a gap. A run that fails is rolled back unless it is said otherwise. */
    readonly rotation: Change<KeyRotateRequest>;
    /** A connection's keys are invalidated: it stops. */
    readonly revocation: Change<KeyRevokeRequest>;
    /** The remote half of a connection whose local cluster others run: the server where it is not on, and a key. */
    readonly creation: Change<KeyCreateRequest>;
    /** Keys that were made for others are invalidated. */
    readonly handedRevocation: Change<HandedKey>;
    /** The key itself, with all that its users need. It is recorded before. */
    handOut(request: HandOutRequest, actor: string): Promise<KeyBundle>;
  };
  readonly roles: {
    /** Of all clusters: roles that grant something over aliases, or that Remora made; `problems` say which clusters did not answer. */
    list(): Promise<RoleList>;
    /** Whether the key of a connection covers what each role grants over it, or the roles of both sides fit. */
    check(local: string, alias: string): Promise<RoleCheck[]>;
    readonly application: Change<RoleApplyRequest>;
    /** Seals a user's password, unless it is only checked. */
    keepPassword(given: GivenPassword, actor: string): Promise<KeptPassword>;
    readonly removal: Change<RoleRemoveRequest>;
  };
  readonly restarts: Change<RestartRequest>;
  /** Whom nodes let in on their transport ports: set, and taken out. */
  readonly trustRestrictions: {
    readonly set: Change<TrustRestrictionsRequest>;
    readonly removal: Change<TrustRestrictionsRemoval>;
  };
  /** Of a run: `conflict` for one that cannot be taken back, `preflight-failed` and its kin for what stands against it now. */
  readonly rollbacks: Change<RollbackRequest>;
  readonly plans: {
    /** A page of them, newest first; a plan is kept for 30 days. `not-found` when the plan that it begins after is not known (any more). */
    list(page: Page): Promise<PlanDocument[]>;
    show(planId: string): Promise<PlanDocument>;
    /** The same with the batches that these options make of its rolls now. */
    preview(planId: string, options: ChangeOptions): Promise<PlanDocument>;
    /** Carries out a plan as it was shown; `plan-stale` when it would be another one by now. */
    apply(planId: string, request: ChangeRequest): Promise<Run>;
  };
  readonly runs: RunReader & RunControls;
  readonly secrets: {
    /** `conflict` for one that something uses: that goes on with the version that it has. */
    set(name: string, value: string, actor: string): Promise<void>;
    /** Names only. */
    list(): Promise<string[]>;
    remove(name: string, actor: string): Promise<void>;
  };
  readonly cas: {
    list(): Promise<CaView[]>;
    /** The certificate, PEM. */
    export(name: string): Promise<string>;
    /** `conflict` for a name that is taken. */
    create(input: CaCreation, actor: string): Promise<CaView>;
    /** Checks that it can be a CA now; `bad-input` says why not. */
    import(input: CaImport, actor: string): Promise<CaView>;
    /** `conflict` while it has certificates, a connection trusts it, or a rotation that has not come to its end trusts it. */
    remove(name: string, actor: string): Promise<void>;
    /** Another CA takes its place. A run that fails is rolled back unless it is said otherwise. */
    readonly rotation: Change<CaRotateRequest>;
  };
  readonly certificates: {
    /** Looks at every node that has an agent: what is on its disk, configured, and served. */
    list(): Promise<CertificateList>;
    /** What the last look found, and how long ago that was; null before the first. Looks happen in the background too. */
    latest(): { readonly certificates: CertificateList['certificates']; readonly ageMs: number } | null;
    /** When the certificates by which coordinator and agents know each other end, ISO 8601; of agents those that are on record. */
    fleet(): Promise<FleetEnds>;
    /** Replaces those that Remora made. A run that fails is rolled back unless it is said otherwise: the old ones are still good. */
    readonly rotation: Change<RotateRequest>;
    /** Has the transport or HTTP ports of a cluster's nodes serve certificates of a CA. */
    readonly placement: Change<PlaceRequest>;
  };
  readonly schedules: {
    list(): Promise<ScheduleView[]>;
    show(name: string): Promise<ScheduleView>;
    /** One that is known by this name gets other times and another work. */
    add(request: ScheduleRequest, actor: string): Promise<ScheduleAdded>;
    pause(name: string, actor: string): Promise<ScheduleView>;
    /** What came while it was paused does not fire. */
    resume(name: string, actor: string): Promise<ScheduleView>;
    /** What it would do now; `bad-input` for one that changes nothing. */
    plan(name: string): Promise<PlanDocument>;
    /** Fires it now; `conflict` while its last fire is not over. Answers its run, or what came of it without one. */
    run(name: string, request: Pick<ChangeRequest, 'actor' | 'idempotencyKey'>): Promise<ScheduleResult>;
    remove(name: string, actor: string): Promise<void>;
  };
  /** Organizations in Elastic Cloud, and their deployments as its API tells them. */
  readonly clouds: {
    /** Asked with the key before either is kept. A known one gets other access. */
    add(name: string, input: CloudInput, actor: string): Promise<CloudView>;
    list(): Promise<CloudView[]>;
    show(name: string): Promise<CloudView>;
    deployment(name: string, id: string): Promise<DeploymentView>;
    readonly change: Change<CloudChangeRequest>;
    remove(name: string, actor: string): Promise<void>;
  };
  /** Where failures and reports of schedules are sent; `not-found` where nothing was set. */
  readonly notify: {
    set(request: WebhookRequest, actor: string): Promise<WebhookView>;
    show(): Promise<WebhookView>;
    /** Sends a test message once. */
    test(): Promise<WebhookTest>;
    remove(actor: string): Promise<void>;
  };
  readonly issuing: {
    /** Checks all that is asked for; makes nothing. */
    preview(wish: IssueWish): Promise<IssuePreview>;
    /** Makes a key and a certificate for each instance, and their files; nothing of a key is kept. */
    issue(request: IssueRequest, actor: string): Promise<CertificateFiles[]>;
  };
  readonly signingRequests: {
    list(): Promise<SigningRequestView[]>;
    /** `conflict` for what is asked for already. */
    create(wish: SigningWish, actor: string): Promise<NewSigningRequest[]>;
    /** All of them or none: each is checked against what was asked for (`bad-input`). */
    accept(
      files: readonly { readonly name: string; readonly content: Buffer }[],
      actor: string,
    ): Promise<SigningRequestView[]>;
    /** Takes certificates that were made elsewhere, with their keys, which are sealed at once: all of them or none (`bad-input`). */
    give(given: GivenCertificates, actor: string): Promise<SigningRequestView[]>;
    /** Files of a certificate that came back, with its key. */
    files(id: string, form: FileForm): Promise<CertificateFiles>;
    /** Forgets it, and its key. */
    remove(id: string, actor: string): Promise<void>;
  };
  /** Who did what; nothing here writes to it. */
  readonly audit: {
    /** Newest first. */
    list(page: AuditPage): Promise<AuditEntry[]>;
    verify(): Promise<AuditVerdict>;
    /** Entries as they are kept, JSON each, oldest first. */
    export(): AsyncIterable<string>;
  };
  /** The identity by which coordinators and agents know each other. */
  readonly fleet: {
    status(): Promise<FleetStatus>;
    /** Another fleet CA takes the place of the one there is; `conflict` while that goes on already. Answers at once. */
    begin(wish: { readonly overlapMs: number }, actor: string): Promise<FleetStatus>;
    /** Takes that back; `conflict` when it is too late, or there is nothing to take back. */
    cancel(actor: string): Promise<FleetStatus>;
    /** The new CA signs from now on, whoever does not trust it yet; `conflict` unless that is waited for. */
    goOn(actor: string): Promise<FleetStatus>;
  };
  doctor(): Promise<DoctorLine[]>;
}

/** When the fleet's own certificates end, ISO 8601. */
export interface FleetEnds {
  readonly ca: string;
  readonly agents: readonly { readonly cluster: string; readonly node: string; readonly notAfter: string }[];
}

/** Who asks; `request` is the same for a request that is sent again. */
interface Ask {
  readonly actor: string;
  readonly request?: string;
}

/** What people do to runs; `not-found` for an unknown id, `conflict` where a run's status does not allow it. Each answers the run as it stands then. */
export interface RunControls {
  cancel(runId: string, ask: { readonly actor: string; readonly reason?: string }): Promise<Run>;
  /** `notAfter` is the end of the new window; whatever else was asked for still holds. */
  resume(runId: string, ask: Ask & { readonly notAfter?: string }): Promise<Run>;
  continue(runId: string, ask: Ask): Promise<Run>;
}

/** Runs as they are read; `not-found` for an unknown id. */
export interface RunReader {
  get(runId: string): Promise<Run>;
  /** A page of them, newest first; `not-found` when the run that it begins after is not known (any more). */
  list(page: Page): Promise<Run[]>;
  /** Of every run that is kept. */
  statuses(): Promise<RunStatus[]>;
  /** Events whose `seq` is above `afterSeq`, in order. */
  events(runId: string, afterSeq: number): Promise<RunEvent[]>;
  /** Calls back whenever the run may have new events; a wake-up, `events` has the truth. Answers how to stop. */
  subscribe(runId: string, wake: () => void): () => void;
  waitUntilEnded(runId: string, signal: AbortSignal): Promise<Run>;
}
