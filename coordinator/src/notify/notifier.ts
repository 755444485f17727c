import { messageOf } from '@remora/shared/errors.ts';
import { openNotifyJobs, type Patience } from '../queue/notify-jobs.ts';
import type { QueueLog } from '../queue/worker.ts';
import type { ScheduleNews } from '../schedule/look.ts';
import type { Collection } from '../store/inventory.ts';
import type { StoreAddress } from '../store/open-store.ts';
import { type Message, newsMessage } from './message.ts';
import { WEBHOOK, type WebhookRecord } from './record.ts';
import { type SendParts, sendMessage } from './send.ts';

/** Tells people of what happens while nobody looks. */
export interface Notifier {
  /** Never throws, and does not wait until it is taken: nothing may hang on a receiver. */
  tell(news: ScheduleNews): Promise<void>;
  close(): Promise<void>;
}

interface NotifierParts extends SendParts {
  readonly webhooks: Collection<WebhookRecord>;
  readonly log: QueueLog;
  readonly patience?: Patience;
}

export const openNotifier = (address: StoreAddress, parts: NotifierParts): Notifier => {
  const { webhooks, clock, log } = parts;
  const note = (field: 'delivered' | 'givenUp', { type }: Message, detail: string): Promise<boolean> =>
    webhooks.change(WEBHOOK, (record) => ({ ...record, [field]: { at: clock().toISOString(), type, detail } }));
  const send = async (message: Message, isLast: boolean): Promise<void> => {
    const webhook = await webhooks.get(WEBHOOK);
    if (webhook === null) return;
    try {
      const status = await sendMessage(parts, webhook, message);
      await note('delivered', message, `answered ${status}`);
    } catch (error) {
      if (!isLast) throw error;
      await note('givenUp', message, messageOf(error));
      log.warn({ id: message.id, type: message.type, reason: messageOf(error) }, 'a notification was given up');
    }
  };
  const jobs = openNotifyJobs<Message>(address, send, log, parts.patience);
  return {
    async tell(news) {
      try {
        if ((await webhooks.get(WEBHOOK)) === null) return;
        const message = newsMessage(news);
        if (!(await jobs.add(message.id, message)))
          log.warn({ type: news.type, schedule: news.schedule.name }, 'a notification was dropped: too many wait');
      } catch (error) {
        log.warn({ type: news.type, reason: messageOf(error) }, 'a notification could not be filed');
      }
    },
    close: () => jobs.close(),
  };
};
