import type { WebhookView } from '@remora/shared/model/webhook.ts';

/** Where news go, as it is kept: with the whole URL. */
export interface WebhookRecord extends WebhookView {
  /** PEM text; null trusts the system's CAs. */
  readonly caPem: string | null;
}

/** There is one. */
export const WEBHOOK = 'webhook';
/** Name of the secret that messages are signed with. */
export const WEBHOOK_SECRET = 'notify/webhook';
