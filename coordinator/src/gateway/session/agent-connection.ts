import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Progress, Result } from '@remora/shared/protocol/delivery.ts';
import { closeCodes, HEARTBEAT_MS, PROTOCOL_VERSION } from '@remora/shared/protocol/limits.ts';
import type { FromAgent, FromCoordinator } from '@remora/shared/protocol/messages.ts';
import type { Heartbeat, Hello, Renew } from '@remora/shared/protocol/session.ts';
import type { WebSocket } from 'ws';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import type { Restored } from '../../store/restores.ts';
import type { AgentCertificates } from '../enrol/agent-certificates.ts';
import type { GatewayLog } from '../gateway-log.ts';
import type { WakeUps } from '../wake-ups.ts';
import { hostOf, type Peer } from './admission.ts';
import type { FleetCaTalk, OpenFleetCaTalk } from './fleet-ca-talk.ts';
import type { HelloCheck } from './hello-check.ts';
import type { NodePresence, Presence } from './node-presence.ts';
import type { Refusals } from './refusals.ts';
import type { SessionRegistry } from './session-registry.ts';
import { closeReason, closeWith, serveSocket } from './session-socket.ts';
import type { TurnedAways } from './turned-away.ts';

/** A session that said hello. */
export interface OpenSession {
  readonly node: NodeId;
  readonly epoch: number;
  /** The delivery that the agent carries out, by its last beat. */
  readonly carriesOut: string | null;
  send(message: FromCoordinator): void;
}

/** Where an agent's answers go. */
export interface AnswerSink {
  onResult(session: OpenSession, result: Result): Promise<void>;
  onProgress(session: OpenSession, progress: Progress): Promise<void>;
}

export interface ConnectionParts {
  readonly registry: SessionRegistry;
  readonly certificates: Pick<AgentCertificates, 'renew' | 'settle'>;
  readonly presence: NodePresence;
  readonly fleetCaTalk: OpenFleetCaTalk;
  readonly wakeUps: WakeUps;
  readonly helloCheck: HelloCheck;
  readonly refusals: Refusals;
  readonly turnedAways: Pick<TurnedAways, 'forget'>;
  readonly restores: () => Promise<readonly Restored[]>;
  readonly answers: AnswerSink;
  readonly log: GatewayLog;
}

interface SessionState {
  readonly epoch: number;
  presence: Presence;
  carriesOut: string | null;
  /** The agent stops: no more deliveries. */
  draining: boolean;
  /** The cluster could not confirm the node when the agent joined, and did not do so yet: no deliveries, which may carry secrets. */
  unverified: boolean;
}

/** One agent's socket, from its upgrade until its session is recorded as over. */
export class AgentConnection {
  readonly peer: Peer;
  /** Resolves when the socket is closed and the session is recorded as over. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #parts: ConnectionParts;
  readonly #fleetCaTalk: FleetCaTalk;
  #session: SessionState | null = null;
  /** The newest session of the node that this coordinator heard of; it may hear of it before this one knows its own epoch. */
  #newestHeardOf = 0;

  /** `onReady` hears when the session is the newest of its node, and again once its node is verified. */
  constructor(socket: WebSocket, peer: Peer, parts: ConnectionParts, onReady: (connection: AgentConnection) => void) {
    this.peer = peer;
    this.#socket = socket;
    this.#parts = parts;
    this.#fleetCaTalk = parts.fleetCaTalk(peer, (message) => this.#socket.send(JSON.stringify(message)));
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    serveSocket(socket, {
      onMessage: (message) => this.#dispatch(message, onReady),
      onRefused: (error) =>
        parts.log.warn({ ...this.#about(), reason: messageOf(error) }, 'agent session refused: the socket is closed'),
      onClosed: async () => {
        await this.#end();
        closed.resolve();
      },
    });
  }

  get node(): string {
    return nodeKey(this.peer.node);
  }

  get epoch(): number | null {
    return this.#session?.epoch ?? null;
  }

  /** The node has a session with this epoch now, here or elsewhere: an older one ends, even while it is still being opened. */
  supersede(epoch: number): void {
    this.#newestHeardOf = Math.max(this.#newestHeardOf, epoch);
    if (this.#session && this.#session.epoch < this.#newestHeardOf) {
      this.close(closeCodes.superseded, 'a newer session of this node was opened');
    }
  }

  /** null before hello, while the node is not verified, and once the agent is draining. */
  deliverable(): OpenSession | null {
    const session = this.#session;
    return session && !session.draining && !session.unverified ? this.#open(session) : null;
  }

  /** Throws the agent out, with the close code that goes with the error. */
  refuse(error: RemoraError): void {
    this.#parts.log.warn({ ...this.#about(), reason: error.message }, 'agent session closed by the coordinator');
    closeWith(this.#socket, error);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, closeReason(reason));
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Tells what the agent does not know of the fleet CA; with `asks` it is asked to renew, and this answers whether it was. Nothing before hello. */
  talkOfFleetCas(asks: boolean): boolean {
    if (!this.#session) return false;
    this.#fleetCaTalk.tell();
    return asks && this.#fleetCaTalk.askToRenew();
  }

  #about(): object {
    return { ...this.peer.node, peer: this.peer.address, epoch: this.epoch };
  }

  #open(session: SessionState): OpenSession {
    const send = (message: FromCoordinator): void => this.#socket.send(JSON.stringify(message));
    return { node: this.peer.node, epoch: session.epoch, carriesOut: session.carriesOut, send };
  }

  async #dispatch(message: FromAgent, onReady: (connection: AgentConnection) => void): Promise<void> {
    const session = this.#session;
    if (message.type === 'hello') {
      if (session) throw new RemoraError('protocol-violation', 'the agent said hello twice');
      await this.#begin(message);
      return onReady(this);
    }
    if (!session) throw new RemoraError('protocol-violation', `a message of type "${message.type}" came before hello`);
    switch (message.type) {
      case 'heartbeat':
        if (await this.#beat(session, message)) onReady(this);
        return;
      case 'draining':
        session.draining = true;
        return this.#parts.registry.release(this.peer.node, session.epoch);
      case 'result':
        if (session.carriesOut === message.id) session.carriesOut = null;
        return this.#parts.answers.onResult(this.#open(session), message);
      case 'progress':
        return this.#parts.answers.onProgress(this.#open(session), message);
      case 'renew':
        return this.#renew(session, message);
      case 'trusted':
        if (await this.#parts.registry.isNewest(this.peer.node, session.epoch))
          await this.#fleetCaTalk.heard(message.fingerprints);
        return;
    }
  }

  /** The agent asks again by itself when no answer comes: the session is worth more than a certificate that has a third of its life left. */
  async #renew(session: SessionState, request: Renew): Promise<void> {
    const { certificates, log } = this.#parts;
    try {
      const certificatePem = await certificates.renew({ peer: this.peer, epoch: session.epoch }, request);
      this.#open(session).send({ type: 'renewed', certificatePem });
      log.info(this.#about(), "an agent's certificate was renewed");
    } catch (error) {
      if (error instanceof RemoraError && ['not-allowed', 'protocol-violation'].includes(error.code)) throw error;
      log.error({ ...this.#about(), reason: messageOf(error) }, "an agent's certificate could not be renewed");
    }
  }

  async #begin(hello: Hello): Promise<void> {
    const { registry, certificates, presence, refusals, turnedAways, wakeUps, helloCheck, log } = this.#parts;
    const { node, fingerprint } = this.peer;
    const { unverified, found } = await helloCheck.hello(hello, node).catch(async (error: unknown) => {
      await refusals.note(node, error);
      throw error;
    });
    const registered = await registry.register(node, fingerprint);
    if (!registered) throw new RemoraError('not-allowed', "The agent's certificate was revoked.");
    await certificates.settle(this.peer);
    await this.#fleetCaTalk.heard(hello.trusts ?? null);
    const { epoch, before } = registered;
    const { running, configDir } = hello.elasticsearch;
    const session: SessionState = {
      epoch,
      presence: { running, configDir, agentVersion: hello.agentVersion, ...found },
      carriesOut: null,
      draining: false,
      unverified,
    };
    const restores = [...(await this.#parts.restores())];
    this.#session = session;
    this.supersede(epoch);
    if (before) await wakeUps.toCoordinator(before.coordinator, { kind: 'superseded', node: this.node, epoch });
    this.#open(session).send({
      type: 'welcome',
      version: PROTOCOL_VERSION,
      epoch,
      heartbeatMs: HEARTBEAT_MS,
      renews: true,
      restores,
    });
    this.#fleetCaTalk.tell();
    log.info({ ...this.#about(), agentVersion: hello.agentVersion }, 'agent session opened');
    await Promise.all([
      presence.seen(node, session.presence),
      refusals.forget(node),
      turnedAways.forget(this.node, hostOf(this.peer.address)),
    ]);
  }

  /** Answers whether this beat verified the node. */
  async #beat(session: SessionState, heartbeat: Heartbeat): Promise<boolean> {
    // The word of a newer session may have been lost, or this one's record with a Redis that failed over: the agent then dials again.
    if (!session.draining && !(await this.#parts.registry.isNewest(this.peer.node, session.epoch))) {
      this.close(closeCodes.superseded, 'this session is not the newest of its node any more');
      return false;
    }
    session.carriesOut = heartbeat.delivery;
    session.presence = { ...session.presence, running: heartbeat.running };
    const wasUnverified = session.unverified;
    if (wasUnverified && heartbeat.pid !== null) {
      const { unverified, found } = await this.#parts.helloCheck.node(this.peer.node, heartbeat.pid);
      session.unverified = unverified;
      session.presence = { ...session.presence, ...found };
    }
    await this.#parts.presence.seen(this.peer.node, session.presence);
    return wasUnverified && !session.unverified;
  }

  async #end(): Promise<void> {
    const session = this.#session;
    const { registry, presence, log } = this.#parts;
    if (!session) return;
    log.info(this.#about(), 'agent session closed');
    try {
      await registry.release(this.peer.node, session.epoch);
      await presence.left(this.peer.node, session.presence);
    } catch (error) {
      log.error({ ...this.#about(), reason: messageOf(error) }, 'the end of an agent session could not be recorded');
    }
  }
}
