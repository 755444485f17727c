import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { FleetStatus } from '@remora/shared/model/fleet.ts';
import type { Redis } from 'ioredis';
import { livingCoordinators } from '../backup/store-copy.ts';
import type { Clock } from '../clock.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Log } from '../log.ts';
import { type FleetCa, makeNextFleetCa, openNextFleetCa } from '../pki/fleet-ca.ts';
import { removeNextFleetCa, replaceFleetCa, writeTrusted } from '../pki/fleet-ca-files.ts';
import { type FleetCaState, type FleetCas, soleFleetCa } from '../pki/fleet-cas.ts';
import { nodeKey } from '../plan/steps.ts';
import type { Inventory } from '../store/inventory.ts';
import { type FoundRotation, type RotationRecord, type RotationRecords, rotationRecords } from './rotation-record.ts';
import { nextIsMissing, stateIn } from './rotation-state.ts';
import { waitedFor } from './waited-for.ts';

export interface RotationParts {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDir: string;
  /** Unique among the coordinators of the store. */
  readonly coordinatorId: string;
  readonly fleetCas: FleetCas;
  readonly nodes: Pick<Inventory['nodes'], 'list'>;
  readonly gateway: Pick<Gateway, 'sessions' | 'talkOfFleetCas'>;
  /** Has the server show a certificate of the CA that signs now, and accept those of all that are trusted now. */
  readonly serve: () => Promise<void>;
}

const LOOK_MS = 1000;
const NOBODY: ReadonlySet<string> = new Set();

const refuse = (message: string, hint: string): RemoraError => new RemoraError('conflict', message, { hint });

const goingOn = ({ startedAt, startedBy }: RotationRecord): RemoraError =>
  refuse(
    `The fleet CA is being rotated since ${startedAt}, as ${startedBy} asked for.`,
    '`remora fleet status` shows how far it is, and `remora fleet rotate-ca --cancel` takes it back.',
  );

const factsOf = ({ fingerprint256, notAfter }: FleetCa) => ({ fingerprint256, notAfter });

/** The rotation of the fleet CA: begun and cancelled by people, carried on by the coordinator, also after a crash at any moment. */
export class FleetCaRotation {
  readonly #parts: RotationParts;
  readonly #records: RotationRecords;
  /** One thing at a time: what a person asks for waits for the look that is under way. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: RotationParts) {
    this.#parts = parts;
    this.#records = rotationRecords(parts.redis, parts.clock);
  }

  async status(): Promise<FleetStatus> {
    const { fleetCas, nodes } = this.#parts;
    const [found, all] = await Promise.all([this.#records.find(), nodes.list()]);
    return {
      ca: factsOf(fleetCas.state().signing),
      certificatesPem: fleetCas.bundle(),
      agents: all.length,
      rotation: found && { ...found.record, waitingFor: await this.#waitedFor(found.record) },
    };
  }

  /**
   * Begins one; the new CA signs after `overlapMs` at the earliest. `conflict` while one goes on, or other coordinators work with the store: they would not
   * have the new CA.
   */
  begin(wish: { readonly overlapMs: number }, actor: string): Promise<FleetStatus> {
    return this.#inTurn(() => this.#begin(wish.overlapMs, actor)).then(() => this.status());
  }

  /** `conflict` when there is nothing to cancel, or the old CA is going already. */
  cancel(actor: string): Promise<FleetStatus> {
    return this.#inTurn(() => this.#cancel(actor)).then(() => this.status());
  }

  /** Goes on with it every second, or as often as said; answers how to stop that. */
  keepGoing(everyMs = LOOK_MS): () => Promise<void> {
    let isLooking = false;
    const look = async (): Promise<void> => {
      isLooking = true;
      try {
        await this.#inTurn(() => this.#look());
      } catch (error) {
        this.#parts.log.error({ reason: messageOf(error) }, 'the rotation of the fleet CA does not go on now');
      }
      isLooking = false;
    };
    const timer = setInterval(() => {
      if (!isLooking) void look();
    }, everyMs);
    timer.unref();
    return async () => {
      clearInterval(timer);
      await this.#last;
    };
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const next = this.#last.then(task);
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #waitedFor({ phase, to }: RotationRecord): Promise<ReturnType<typeof waitedFor>> {
    const { nodes, gateway } = this.#parts;
    return waitedFor(await nodes.list(), await gateway.sessions.list(), { phase, newCa: to.fingerprint256 });
  }

  /** Files first: whoever reads fleet-ca.crt once the server has changed must find what it shows. */
  async #become(state: FleetCaState): Promise<void> {
    const { dataDir, fleetCas, gateway, serve } = this.#parts;
    await writeTrusted(
      dataDir,
      state.trusted.map(({ certificatePem }) => certificatePem),
    );
    fleetCas.become(state);
    await serve();
    gateway.talkOfFleetCas(NOBODY);
  }

  /** Has this coordinator be as the phase says, all but `drop`. */
  async #follow({ phase, to }: RotationRecord): Promise<void> {
    const { dataDir, clock, fleetCas } = this.#parts;
    const now = fleetCas.state();
    const [old = now.signing, known] = now.trusted;
    const next = known ?? (await openNextFleetCa({ directory: dataDir, now: clock }));
    if (next?.fingerprint256 !== to.fingerprint256) throw nextIsMissing(dataDir, to.fingerprint256);
    const wanted = stateIn(phase, old, next);
    const isSo = known !== undefined && now.signing === wanted.signing && now.lasting === wanted.lasting;
    if (!isSo) await this.#become(wanted);
  }

  async #look(): Promise<void> {
    const found = await this.#records.find();
    if (!found) return;
    const { phase, switchAfter } = found.record;
    if (phase === 'drop') return this.#drop(found);
    await this.#follow(found.record);
    const waiting = await this.#waitedFor(found.record);
    this.#parts.gateway.talkOfFleetCas(phase === 'trust' ? NOBODY : new Set(waiting.map(nodeKey)));
    if (waiting.length > 0) return;
    if (phase === 'back') return this.#endCancelled(found);
    if (phase === 'renew') await this.#records.enter(found, 'drop', 'renew', 'remora');
    else if (this.#parts.clock() >= new Date(switchAfter)) await this.#records.enter(found, 'renew', 'trust', 'remora');
  }

  /** The store belongs to the new one last, once its files are in their places: a crash before that finds either of them, and goes on. */
  async #drop(found: FoundRotation): Promise<void> {
    const { dataDir, fleetCas, log } = this.#parts;
    await replaceFleetCa(dataDir);
    const { lasting } = fleetCas.state();
    await this.#become(soleFleetCa(lasting));
    await removeNextFleetCa(dataDir);
    await this.#records.end(found, dataDir);
    log.info({ fleetCa: lasting.fingerprint256 }, 'the fleet CA was rotated');
  }

  /** The record goes once the rest is done: until then a look or a start begins with this anew. */
  async #endCancelled(found: FoundRotation): Promise<void> {
    const { dataDir, fleetCas, log } = this.#parts;
    await this.#become(soleFleetCa(fleetCas.state().lasting));
    if (!(await this.#records.endCancelled(found))) return;
    await removeNextFleetCa(dataDir);
    log.info({ fleetCa: found.record.from.fingerprint256 }, 'the rotation of the fleet CA was taken back');
  }

  async #begin(overlapMs: number, actor: string): Promise<void> {
    const { dataDir, clock, fleetCas } = this.#parts;
    const going = await this.#records.find();
    if (going) throw goingOn(going.record);
    await this.#refuseOthers();
    // What an earlier one left that was taken back, or that never began.
    await removeNextFleetCa(dataDir);
    const next = await makeNextFleetCa({ directory: dataDir, now: clock });
    const now = clock();
    const record: RotationRecord = {
      ...{ phase: 'trust', startedAt: now.toISOString(), startedBy: actor, phaseSince: now.toISOString() },
      switchAfter: new Date(now.getTime() + overlapMs).toISOString(),
      ...{ from: factsOf(fleetCas.state().signing), to: factsOf(next) },
    };
    if (!(await this.#records.begin(record))) throw goingOn((await this.#records.find())?.record ?? record);
    await this.#follow(record);
  }

  async #refuseOthers(): Promise<void> {
    const others = (await livingCoordinators(this.#parts.redis)).filter((id) => id !== this.#parts.coordinatorId);
    if (others.length === 0) return;
    throw refuse(
      `Other coordinators work with this store (${others.join(', ')}), and would not have the new fleet CA.`,
      'Stop them until it was rotated, then copy fleet-ca.crt and fleet-ca.key of this one to their data directories. One that was killed counts as living for ten seconds more.',
    );
  }

  async #cancel(actor: string): Promise<void> {
    const found = await this.#records.find();
    if (!found) {
      throw refuse(
        'The fleet CA is not being rotated: there is nothing to cancel.',
        '`remora fleet status` shows the fleet CA.',
      );
    }
    if (found.record.phase === 'drop') {
      throw refuse(
        'Every agent has a certificate of the new fleet CA, and the old one is going: it is too late to cancel.',
        'Wait until `remora fleet status` shows no rotation. Another `remora fleet rotate-ca` replaces the new one too.',
      );
    }
    if (found.record.phase !== 'back') await this.#records.enter(found, 'back', '', actor);
    await this.#look();
  }
}
