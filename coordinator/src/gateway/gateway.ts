import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@remora/shared/errors.ts';
import type { Redis } from 'ioredis';
import type { App } from '../http/app-types.ts';
import type { FleetCas } from '../pki/fleet-ca/fleet-cas.ts';
import { type NodeId, nodeKey } from '../plan/node/node-id.ts';
import type { Inventory } from '../store/inventory.ts';
import { restoresOf } from '../store/restores.ts';
import type { StoreProblem } from '../store/store-identity.ts';
import type { AgentCalls } from './agent-calls.ts';
import { deliveryCalls } from './delivery/delivery-calls.ts';
import { answerSink, deliverySender } from './delivery/delivery-sender.ts';
import { openDeliveryStore } from './delivery/delivery-store.ts';
import { SharedDeliveryWaits } from './delivery/delivery-waits.ts';
import { agentCertificates, type IssueAgentCertificate } from './enrol/agent-certificates.ts';
import { enrolRoutes } from './enrol/enrol-routes.ts';
import { enrolment } from './enrol/enrolment.ts';
import { type JoinTokens, joinTokens } from './enrol/join-tokens.ts';
import { gatewayKeys } from './gateway-keys.ts';
import type { GatewayLog } from './gateway-log.ts';
import { fleetCaTalks } from './session/fleet-ca-talk.ts';
import { helloCheck, type VerifyNode } from './session/hello-check.ts';
import { trackPresence } from './session/node-presence.ts';
import { openRefusals, type Refusals } from './session/refusals.ts';
import { openSessionHub } from './session/session-hub.ts';
import { openSessionRegistry, type SessionRecord } from './session/session-registry.ts';
import { openTurnedAways, type TurnedAways } from './session/turned-away.ts';
import { handleUpgrades } from './session/upgrade.ts';
import { openWakeUps } from './wake-ups.ts';

/** Sockets that did not answer the close by then are cut: a coordinator has 5 s to stop. */
const DRAIN_LIMIT_MS = 1000;
/** A Redis that does not answer must not keep a coordinator from stopping: what is left there then expires. */
const CLOSE_LIMIT_MS = 2 * DRAIN_LIMIT_MS;

export interface GatewayParts {
  /** For commands. */
  readonly redis: Redis;
  /** In subscriber mode; may be shared. Two connections a coordinator, however many agents. */
  readonly subscriber: Redis;
  readonly inventory: Pick<Inventory, 'clusters' | 'nodes'>;
  readonly fleetCas: FleetCas;
  /** How long agents' certificates live, in ms; the CA's own end may cut it. */
  readonly agentCertificateMs: number;
  readonly secrets: { get(reference: string): Promise<Buffer> };
  readonly storeId: string;
  /** Agents are welcome only while this says null. Absent: not asked. */
  readonly storeProblem?: StoreProblem;
  /** Unique among the coordinators that live now. */
  readonly coordinatorId: string;
  /** https URLs where agents reach the coordinators; the first one goes into join tokens. */
  readonly publicUrls: readonly [string, ...string[]];
  readonly log: GatewayLog;
  /** Asks the cluster whether this node is its own. Absent: not asked. */
  readonly verifyNode?: VerifyNode;
}

/** Agents' enrolment, sessions and deliveries. */
export interface Gateway {
  /** Adds `GET /agent/v1/ca` and `POST /agent/v1/join`. */
  register(app: App): void;
  /** Handles the upgrades of an HTTPS server that asks for client certificates without rejecting, with the fleet CAs as `ca`. */
  attach(server: Server): void;
  readonly calls: AgentCalls;
  readonly sessions: {
    isOnline(node: NodeId): Promise<boolean>;
    /** CLUSTER/NODE -> session, of every online agent of the fleet. */
    list(): Promise<ReadonlyMap<string, SessionRecord>>;
    /** Agents that were refused lately and not let in since. */
    refused: Refusals['list'];
    /** Agents whose certificate was not accepted lately. */
    turnedAway: TurnedAways['list'];
  };
  /** Tells the agents that are connected here what they do not know yet of a rotation of the fleet CA, and asks these (CLUSTER/NODE) to renew, some at once. */
  talkOfFleetCas(toRenew: ReadonlySet<string>): void;
  readonly tokens: Pick<JoinTokens, 'create'>;
  /** Revokes the certificates of a node's agents and closes their sockets, wherever they are. The node's record is the caller's. */
  disconnect(node: NodeId): Promise<void>;
  /** Takes no new sessions, closes those there are with `draining` within 1 s, rejects open calls; within 2 s even when Redis is away. */
  close(): Promise<void>;
}

/** By the CA that signs at that moment. */
const issuerOf =
  ({ fleetCas, agentCertificateMs: validityMs }: GatewayParts): IssueAgentCertificate =>
  (request) => {
    const { signing } = fleetCas.state();
    const { certificatePem } = signing.issueAgentCertificate({ ...request, validityMs });
    return { certificatePem, issuer: signing.fingerprint256 };
  };

export const createGateway = async (parts: GatewayParts): Promise<Gateway> => {
  const { redis, inventory, coordinatorId, fleetCas, storeId, publicUrls, verifyNode, log } = parts;
  const wakeUps = await openWakeUps(redis, parts.subscriber, coordinatorId);
  const registry = await openSessionRegistry(redis, coordinatorId, (error) =>
    log.warn({ reason: messageOf(error) }, 'this coordinator could not say that it lives'),
  );
  const store = openDeliveryStore(redis);
  const highestFence = (): Promise<number> => store.highestFence();
  const issueAgentCertificate = issuerOf(parts);
  const certificates = agentCertificates(redis, issueAgentCertificate);
  const nodeOf = (fingerprint: string): Promise<string | null> => certificates.nodeOf(fingerprint);
  const refusals = openRefusals(redis);
  const turnedAways = openTurnedAways(redis, log);
  const hub = openSessionHub({
    registry,
    certificates,
    refusals,
    turnedAways,
    presence: trackPresence(inventory.nodes),
    fleetCaTalk: fleetCaTalks({ fleetCas, nodes: inventory.nodes }),
    wakeUps,
    helloCheck: helloCheck({ redis, storeId, storeProblem: parts.storeProblem, highestFence, verifyNode, log }),
    restores: () => restoresOf(redis),
    answers: answerSink({ store, wakeUps, log }),
    log,
  });
  const secret = (reference: string): Promise<Buffer> => parts.secrets.get(reference);
  deliverySender({ store, registry, wakeUps, session: (node) => hub.find(node), secret, log });
  const nudge = async (id: string, node: NodeId, isFresh: () => boolean): Promise<void> => {
    const session = await registry.find(node);
    if (session) await wakeUps.toCoordinator(session.coordinator, { kind: 'deliver', id, fresh: isFresh() });
  };
  const isUnverified = async (node: NodeId): Promise<boolean> =>
    (await redis.hexists(gatewayKeys.unverified, nodeKey(node))) === 1;
  const waits = new SharedDeliveryWaits({ store, wakeUps, nudge, log });
  const tokens = joinTokens({
    redis,
    url: publicUrls[0],
    caFingerprint: () => fleetCas.state().lasting.fingerprint256,
    clusterExists: async (name) => (await inventory.clusters.get(name)) !== null,
  });
  const join = enrolment({
    ...{ tokens, inventory, registry, wakeUps, nodeOf, issueAgentCertificate, verifyNode, storeId, publicUrls },
    ...{ highestFence, fleetCas: fleetCas.vouchedBundle },
  });
  let stopping = false;
  return {
    register: (app) => enrolRoutes(app, { fleetCas: fleetCas.vouchedBundle, join, log }),
    attach(server) {
      handleUpgrades(server, {
        fleetCas: () => fleetCas.state().trusted.map(({ certificate }) => certificate),
        nodeOf,
        onSession: (socket, peer) => hub.accept(socket, peer),
        isStopping: () => stopping,
        onTurnedAway: turnedAways.note,
        log,
      });
    },
    calls: deliveryCalls({ store, waits, registry, isUnverified }),
    sessions: {
      isOnline: async (node) => (await registry.find(node)) !== null,
      list: () => registry.list(),
      refused: () => refusals.list(),
      turnedAway: () => turnedAways.list(),
    },
    talkOfFleetCas: (toRenew) => hub.talkOfFleetCas(toRenew),
    tokens: { create: (request) => tokens.create(request) },
    async disconnect(node) {
      await certificates.revoke(node);
      await wakeUps.toAll({ kind: 'revoked', node: nodeKey(node), fingerprint: null });
    },
    async close() {
      stopping = true;
      waits.close();
      const closed = hub
        .drain(DRAIN_LIMIT_MS)
        .then(() => registry.close())
        .then(() => wakeUps.close());
      await Promise.race([closed, sleep(CLOSE_LIMIT_MS, undefined, { ref: false })]);
    },
  };
};
