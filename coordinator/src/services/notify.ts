import { X509Certificate } from 'node:crypto';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { checkWebhookRequest, shownUrl, type WebhookRequest, type WebhookView } from '@remora/shared/model/webhook.ts';
import type { Clock } from '../clock.ts';
import { testMessage } from '../notify/message.ts';
import { WEBHOOK, WEBHOOK_SECRET, type WebhookRecord } from '../notify/record.ts';
import { sendMessage } from '../notify/send.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { Services } from '../services.ts';
import type { Collection } from '../store/inventory.ts';

export interface NotifyParts {
  readonly webhooks: Collection<WebhookRecord>;
  readonly secrets: Pick<SecretStore, 'get' | 'put' | 'remove'>;
  readonly clock: Clock;
}

const view = ({ caPem: _, url, ...shown }: WebhookRecord): WebhookView => ({ url: shownUrl(url), ...shown });

const find = async (webhooks: Collection<WebhookRecord>): Promise<WebhookRecord> => {
  const found = await webhooks.get(WEBHOOK);
  if (found) return found;
  throw new RemoraError('not-found', 'There is no webhook.', { hint: 'See `remora notify set --help`.' });
};

const checkCa = (caPem: string): void => {
  try {
    new X509Certificate(caPem);
  } catch {
    throw new RemoraError('bad-input', '--ca holds no certificate in PEM.');
  }
};

const set = async (
  { webhooks, secrets, clock }: NotifyParts,
  request: WebhookRequest,
  actor: string,
): Promise<WebhookView> => {
  checkWebhookRequest(request);
  if (request.caPem !== undefined) checkCa(request.caPem);
  const secret = await secrets.put(WEBHOOK_SECRET, request.secret);
  const record: WebhookRecord = {
    ...{ url: request.url, secret, caPem: request.caPem ?? null, setAt: clock().toISOString() },
    ...{ delivered: null, givenUp: null },
  };
  const audit = { actor, action: 'notify.set', target: WEBHOOK, detail: `${shownUrl(request.url)}, ${secret}` };
  if (!(await webhooks.add(WEBHOOK, record, audit))) await webhooks.change(WEBHOOK, () => record, audit);
  return view(record);
};

export const notifyService = (parts: NotifyParts): Services['notify'] => {
  const { webhooks, secrets, clock } = parts;
  const secret = async (reference: string): Promise<string> => (await secrets.get(reference)).toString('utf8');
  return {
    set: (request, actor) => set(parts, request, actor),
    show: async () => view(await find(webhooks)),
    async test() {
      const webhook = await find(webhooks);
      try {
        const status = await sendMessage({ secret, clock }, webhook, testMessage(clock().toISOString()));
        return { delivered: true, detail: `It answered ${status}.` };
      } catch (error) {
        return { delivered: false, detail: `${shownUrl(webhook.url)} did not take it: ${messageOf(error)}.` };
      }
    },
    async remove(actor) {
      await find(webhooks);
      await webhooks.remove(WEBHOOK, { actor, action: 'notify.remove', target: WEBHOOK });
      await secrets.remove(WEBHOOK_SECRET);
    },
  };
};
