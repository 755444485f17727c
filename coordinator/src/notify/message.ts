import { createHash, createHmac } from 'node:crypto';
import type { ScheduleNews } from '../schedule/look.ts';

/** A message as it waits to be sent: no secret is in it. */
export interface Message {
  /** The same whenever it is sent, so that a receiver can tell a repetition. */
  readonly id: string;
  readonly type: string;
  /** JSON, sent and signed byte by byte as it stands here. */
  readonly body: string;
}

const messageOf = (type: string, key: string, at: string, data: unknown): Message => ({
  id: `msg_${createHash('sha256').update(`${type}\n${key}`).digest('hex').slice(0, 32)}`,
  type,
  body: JSON.stringify({ type, timestamp: at, data }),
});

export const newsMessage = ({ type, schedule, id, result }: ScheduleNews): Message => {
  const { outcome, runId, message, findings } = result;
  const data = { schedule: schedule.name, do: schedule.do, outcome, runId, message, findings };
  return messageOf(type, id, result.at, data);
};

export const testMessage = (at: string): Message =>
  messageOf('test', at, at, { message: 'This is a test of Remora: `remora notify test`.' });

const keyOf = (secret: string): Buffer =>
  secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);

/** Headers of a message as Standard Webhooks has them (standardwebhooks.com, "Verifying webhook authenticity"): HMAC-SHA256 over id, time and body. */
export const signedHeaders = ({ id, body }: Message, secret: string, now: Date): Record<string, string> => {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const signature = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    ...{ 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
  };
};
