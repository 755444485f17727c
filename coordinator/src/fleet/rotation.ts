import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { FleetStatus } from '@remora/shared/model/fleet.ts';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Log } from '../log.ts';
import { type FleetCa, makeNextFleetCa, openNextFleetCa } from '../pki/fleet-ca/fleet-ca.ts';
import { pathsIn, removeNextFleetCa, replaceFleetCa, writeTrusted } from '../pki/fleet-ca/fleet-ca-files.ts';
import { type FleetCaState, type FleetCas, soleFleetCa } from '../pki/fleet-ca/fleet-cas.ts';
import { nodeKey } from '../plan/node/node-id.ts';
import { refuseOtherFile } from '../store/bound-files.ts';
import type { Inventory } from '../store/inventory.ts';
import { refuseOthers } from './others.ts';
import { type FoundRotation, type RotationRecord, type RotationRecords, rotationRecords } from './rotation-record.ts';
import { nextIsMissing, stateIn } from './rotation-state.ts';
import { behindOf, waitedFor } from './waited-for.ts';

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
  /** What the last look did not get past, as the log has it; null where nothing was in its way. */
  #hindrance: string | null = null;

  constructor(parts: RotationParts) {
    this.#parts = parts;
    this.#records = rotationRecords(parts.redis, parts.clock);
  }

  async status(): Promise<FleetStatus> {
    const { fleetCas, nodes, gateway } = this.#parts;
    const [found, all, online] = await Promise.all([this.#records.find(), nodes.list(), gateway.sessions.list()]);
    const { signing } = fleetCas.state();
    return {
      ca: factsOf(signing),
      certificatesPem: fleetCas.bundle(),
      agents: all.length,
      rotation: found && { ...found.record, waitingFor: await this.#waitedFor(found.record) },
      behind: found ? [] : behindOf(all, online, signing.fingerprint256),
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

  /** From `trust`: the new CA signs from now on, whoever does not trust it yet. `conflict` in other phases, or when none goes on. */
  goOn(actor: string): Promise<FleetStatus> {
    return this.#inTurn(() => this.#goOn(actor)).then(() => this.status());
  }

  /** Goes on with it every second, or as often as said; answers how to stop that. */
  keepGoing(everyMs = LOOK_MS): () => Promise<void> {
    let isLooking = false;
    const look = async (): Promise<void> => {
      isLooking = true;
      try {
        await this.#inTurn(() => this.#look());
        this.#note(null);
      } catch (error) {
        this.#note(messageOf(error));
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

  /** Looks are many, and one thing may be in their way for days: only what has changed is a line of the log. */
  #note(hindrance: string | null): void {
    const before = this.#hindrance;
    if (hindrance === before) return;
    this.#hindrance = hindrance;
    const { log } = this.#parts;
    if (hindrance === null) log.info({ reason: before }, 'this does not hold up the rotation of the fleet CA any more');
    else log.error({ reason: hindrance }, 'the rotation of the fleet CA does not go on now');
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

  /**
   * Files first: whoever reads fleet-ca.crt once the server has changed must find what it shows. What the server could not do is tried again at the next look,
   * since nothing has changed then.
   */
  async #become(state: FleetCaState): Promise<void> {
    const { dataDir, fleetCas, gateway, serve } = this.#parts;
    await writeTrusted(
      dataDir,
      state.trusted.map(({ certificatePem }) => certificatePem),
    );
    const before = fleetCas.state();
    fleetCas.become(state);
    try {
      await serve();
    } catch (error) {
      fleetCas.become(before);
      throw error;
    }
    gateway.talkOfFleetCas(NOBODY);
  }

  /** Has this coordinator be as the phase says, all but `drop`. */
  async #follow({ phase, to }: RotationRecord): Promise<void> {
    const { dataDir, clock, fleetCas } = this.#parts;
    const now = fleetCas.state();
    const [old = now.signing, known] = now.trusted;
    const next = known ?? (await openNextFleetCa({ directory: dataDir, now: clock }));
    if (next?.fingerprint256 !== to.fingerprint256) throw this.#isBehind(to);
    const wanted = stateIn(phase, old, next);
    const isSo = known !== undefined && now.signing === wanted.signing && now.lasting === wanted.lasting;
    if (!isSo) await this.#become(wanted);
  }

  #isBehind({ fingerprint256 }: RotationRecord['to']): RemoraError {
    this.#parts.fleetCas.fallBehind();
    return nextIsMissing(this.#parts.dataDir, fingerprint256);
  }

  /** None goes on: agents that were away when the last one ended, or could not write, are told again whom to trust. */
  async #rest(): Promise<void> {
    const { redis, dataDir, fleetCas, gateway } = this.#parts;
    const { fingerprint256: value } = fleetCas.state().lasting;
    const path = pathsIn(dataDir).current.certificate;
    try {
      await refuseOtherFile(redis, { name: 'fleetCaFingerprint', value, path });
    } catch (error) {
      fleetCas.fallBehind();
      throw error;
    }
    gateway.talkOfFleetCas(NOBODY);
  }

  async #look(): Promise<void> {
    const found = await this.#records.find();
    if (!found) return this.#rest();
    const { phase, switchAfter, to } = found.record;
    const { trusted } = this.#parts.fleetCas.state();
    // Of a store that is older than the files, the record is too: the old one is gone, whatever the phase.
    const isWhollyNew = trusted.every(({ fingerprint256 }) => fingerprint256 === to.fingerprint256);
    if (isWhollyNew) await refuseOthers(this.#parts);
    if (phase === 'drop' || isWhollyNew) return this.#drop(found);
    await this.#follow(found.record);
    const waiting = await this.#waitedFor(found.record);
    this.#parts.gateway.talkOfFleetCas(phase === 'trust' ? NOBODY : new Set(waiting.map(nodeKey)));
    if (waiting.length > 0) return;
    if (phase === 'back') return this.#endCancelled(found);
    if (phase === 'trust' && this.#parts.clock() < new Date(switchAfter)) return;
    await refuseOthers(this.#parts);
    if (phase === 'renew') await this.#records.enter(found, 'drop', 'renew', 'remora');
    else await this.#records.enter(found, 'renew', 'trust', 'remora');
  }

  /** The store belongs to the new one last, once its files are in their places: a crash before that finds either of them, and goes on. */
  async #drop(found: FoundRotation): Promise<void> {
    const { dataDir, fleetCas, log } = this.#parts;
    const { lasting } = fleetCas.state();
    if (lasting.fingerprint256 !== found.record.to.fingerprint256) throw this.#isBehind(found.record.to);
    await replaceFleetCa(dataDir);
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
    await refuseOthers(this.#parts);
    if (fleetCas.state().trusted.length > 1) {
      throw refuse(
        'Two fleet CAs are trusted here, though the store says of no rotation that it goes on.',
        'Start this coordinator again: it then trusts the one that the store belongs to.',
      );
    }
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

  async #goOn(actor: string): Promise<void> {
    const found = await this.#records.find();
    if (found?.record.phase !== 'trust') {
      throw refuse(
        found
          ? `The rotation of the fleet CA is past waiting for trust: it is in \`${found.record.phase}\`.`
          : 'The fleet CA is not being rotated: there is nothing to go on with.',
        '`remora fleet status` shows how far it is.',
      );
    }
    await refuseOthers(this.#parts);
    await this.#follow(found.record);
    await this.#records.enter(found, 'renew', '', actor);
    await this.#look();
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
