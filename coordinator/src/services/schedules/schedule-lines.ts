import { type DoctorLine, skipped } from '@remora/shared/model/inventory.ts';
import { shownUrl } from '@remora/shared/model/webhook.ts';
import { WEBHOOK } from '../../notify/record.ts';
import type { Inventory } from '../../store/inventory.ts';

/** What the doctor says of schedules and of who is told about them: nothing where there are none. */
export const scheduleLines = async ({
  schedules,
  webhooks,
}: {
  readonly schedules: Pick<Inventory['schedules'], 'list'>;
  readonly webhooks: Pick<Inventory['webhooks'], 'get'>;
}): Promise<DoctorLine[]> => {
  const [all, webhook] = await Promise.all([schedules.list(), webhooks.get(WEBHOOK)]);
  const lines = all.map(({ name, paused, pausedBecause, last }): DoctorLine => {
    const check = `schedule ${name}`;
    if (pausedBecause !== null) return { check, ok: false, detail: pausedBecause };
    if (last?.outcome === 'failed') return { check, ok: false, detail: `failed at ${last.at}: ${last.message}` };
    if (last?.outcome === 'skipped')
      return { check, ...skipped(`its fire at ${last.at} was left out. ${last.message}`) };
    return { check, ok: true, detail: paused ? 'paused' : (last?.outcome ?? 'has not fired yet') };
  });
  if (webhook === null) return lines;
  const { delivered, givenUp } = webhook;
  const url = shownUrl(webhook.url);
  const isLost = givenUp !== null && givenUp.at > (delivered?.at ?? '');
  const detail = isLost ? `${url} took no message, given up at ${givenUp.at}: ${givenUp.detail}` : url;
  return [...lines, { check: 'notifications', ok: !isLost, detail }];
};
