import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Clock } from '../clock.ts';
import { type Message, signedHeaders } from './message.ts';
import type { WebhookRecord } from './record.ts';

export interface SendParts {
  /** The value behind a reference. */
  readonly secret: (reference: string) => Promise<string>;
  readonly clock: Clock;
}

const ANSWER_LIMIT_MS = 10_000;

/** Sends a message once; answers the status. Any answer but 2xx, a redirect too, is thrown, as is none within 10 s. */
export const sendMessage = async (parts: SendParts, webhook: WebhookRecord, message: Message): Promise<number> => {
  const headers = signedHeaders(message, await parts.secret(webhook.secret), parts.clock());
  const url = new URL(webhook.url);
  const request = url.protocol === 'https:' ? tlsRequest : plainRequest;
  const options = {
    ...{ method: 'POST', signal: AbortSignal.timeout(ANSWER_LIMIT_MS), agent: false as const },
    headers: { ...headers, 'content-length': String(Buffer.byteLength(message.body)), 'user-agent': 'remora' },
    ...(webhook.caPem === null ? {} : { ca: webhook.caPem }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      const status = response.statusCode ?? 0;
      // What it says beyond that is of no use, and may be long.
      response.destroy();
      if (status >= 200 && status < 300) resolve(status);
      else reject(new Error(`it answered ${status}`));
    });
    sent.on('error', (error) =>
      reject(error.name === 'AbortError' ? new Error('it did not answer within 10 s') : error),
    );
    sent.end(message.body);
  });
};
