import { asRemoraError, messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { Deliver } from '@remora/shared/protocol/delivery.ts';
import { MAX_FRAME_BYTES } from '@remora/shared/protocol/limits.ts';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import { isStoreFailure } from '../../store/store-failure.ts';
import type { GatewayLog } from '../gateway-log.ts';
import type { AnswerSink, OpenSession } from '../session/agent-connection.ts';
import type { SessionRegistry } from '../session/session-registry.ts';
import type { WakeUps } from '../wake-ups.ts';
import type { DeliveryRecord, DeliveryStore } from './delivery-store.ts';
import { resolveSecrets, type SecretValue } from './secret-resolution.ts';

/** Wake-ups for one delivery come in pairs (the driver's own, and the one for a new session): within one socket it is not repeated sooner than this. */
const REPEAT_AFTER_MS = 10_000;

interface SenderParts {
  readonly store: DeliveryStore;
  readonly registry: Pick<SessionRegistry, 'isNewest'>;
  readonly wakeUps: WakeUps;
  readonly session: (node: NodeId) => OpenSession | null;
  readonly secret: SecretValue;
  readonly log: GatewayLog;
}

/**
 * Its driver says it, who knows when it began to wait: no two clocks are compared, and none that somebody may set. What a driver said from whom the run was
 * taken over does not count where the next one only goes on.
 */
const mayBegin = ({ freshForMs }: DeliveryRecord, fresh: boolean): boolean =>
  freshForMs === undefined || (fresh && freshForMs > 0);

const resolved = async (id: string, record: DeliveryRecord, fresh: boolean, secret: SecretValue): Promise<Deliver> => {
  const deliver: Deliver = {
    type: 'deliver',
    id,
    fence: record.fence,
    operations: await resolveSecrets(record.operations, secret),
    ...(mayBegin(record, fresh) ? {} : { onlyIfKnown: true }),
  };
  const bytes = Buffer.byteLength(JSON.stringify(deliver));
  if (bytes <= MAX_FRAME_BYTES) return deliver;
  throw new RemoraError('bad-input', `The delivery ${id} has ${bytes} bytes; a frame carries ${MAX_FRAME_BYTES}.`);
};

/** Remembers for a while what was sent; one session and one opening of a delivery is one key. */
const recentlySent = () => {
  const sent = new Map<string, number>();
  const keyOf = (session: OpenSession, id: string, record: DeliveryRecord): string =>
    `${session.epoch} ${record.fence} ${record.createdAt} ${id}`;
  return {
    has: (session: OpenSession, id: string, record: DeliveryRecord): boolean =>
      performance.now() - (sent.get(keyOf(session, id, record)) ?? Number.NEGATIVE_INFINITY) < REPEAT_AFTER_MS,
    add(session: OpenSession, id: string, record: DeliveryRecord): void {
      const now = performance.now();
      for (const [key, atMs] of sent) if (now - atMs >= REPEAT_AFTER_MS) sent.delete(key);
      sent.set(keyOf(session, id, record), now);
    },
  };
};

/**
 * Sends deliveries over the sockets of this coordinator. A delivery that has a result, or that the agent says it carries out, is not sent. Only the newest
 * session of a node delivers: that is read again after the secrets were resolved, right before the frame leaves.
 */
export const deliverySender = ({ store, registry, wakeUps, session, secret, log }: SenderParts): void => {
  const sent = recentlySent();
  const send = async (id: string, fresh: boolean): Promise<void> => {
    const record = await store.load(id);
    if (!record || record.result) return;
    const open = session(record.node);
    if (!open || open.carriesOut === id || sent.has(open, id, record)) return;
    const deliver = await resolved(id, record, fresh, secret).catch(async (error: unknown) => {
      // An outage of Redis says nothing about the delivery: its driver asks again.
      if (isStoreFailure(error)) throw error;
      const { code, message, hint } = asRemoraError(error);
      log.error({ ...record.node, delivery: id, reason: message }, 'a delivery could not be prepared');
      await wakeUps.toAll({ kind: 'unsendable', id, error: { code, message, hint } });
      return null;
    });
    if (!deliver || !(await registry.isNewest(record.node, open.epoch))) return;
    // Another wake-up for it may have come through meanwhile.
    if (sent.has(open, id, record)) return;
    sent.add(open, id, record);
    open.send(deliver);
    log.info({ ...record.node, delivery: id, epoch: open.epoch }, 'delivery sent');
  };
  wakeUps.listen((wakeUp) => {
    if (wakeUp.kind !== 'deliver') return;
    void send(wakeUp.id, wakeUp.fresh).catch((error: unknown) =>
      log.error(
        { delivery: wakeUp.id, reason: messageOf(error) },
        'a delivery could not be sent; its driver asks again',
      ),
    );
  });
};

/**
 * Takes what agents answer. A result is recorded, then announced, then acknowledged; one that nobody waits for any more (unknown, or recorded already) is
 * only acknowledged, so that the agent stops to repeat it. A delivery of another node is none of this agent's business: not recorded.
 */
export const answerSink = ({ store, wakeUps, log }: Pick<SenderParts, 'store' | 'wakeUps' | 'log'>): AnswerSink => ({
  async onResult(session, result) {
    const { id, outcome } = result;
    const record = await store.load(id);
    const isOurs = record !== null && nodeKey(record.node) === nodeKey(session.node);
    if (isOurs && (await store.recordResult(id, record, result))) {
      log.info({ ...session.node, delivery: id, outcome }, 'delivery answered');
    } else {
      log.info({ ...session.node, delivery: id.slice(0, 300), outcome }, 'an answer that nobody waits for');
    }
    if (isOurs) await wakeUps.toAll({ kind: 'result', id });
    session.send({ type: 'acknowledge', id });
  },
  async onProgress(session, { id, phase }) {
    await wakeUps.toAll({ kind: 'progress', id, node: nodeKey(session.node), phase });
  },
});
