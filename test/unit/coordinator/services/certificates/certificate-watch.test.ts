import type { CertificateList } from '@remora/shared/model/certificates/certificate-view.ts';
import { expect, test } from 'vitest';
import { watchCertificates } from '../../../../../coordinator/src/services/certificates/certificate-watch.ts';

const found = (problem: string): CertificateList => ({ certificates: [], problems: [problem] });

test('who must not wait gets what was seen before, while a look is held up', async () => {
  const held: ((list: CertificateList) => void)[] = [];
  const watch = watchCertificates(() => new Promise((resolve) => held.push(resolve)));
  expect(watch.latest()).toBeNull();
  expect(await watch.lookWithin(1)).toBeNull();
  held[0]?.(found('first'));
  expect((await watch.lookWithin(60_000))?.list).toEqual(found('first'));
  const late = await watch.lookWithin(1);
  expect([late?.list, held.length]).toEqual([found('first'), 2]);
  await watch.lookWithin(1);
  expect(held.length, 'a look that is under way is shared').toBe(2);
});

test('a look that was held up does not replace one that began after it', async () => {
  const held: ((list: CertificateList) => void)[] = [];
  const watch = watchCertificates(() => new Promise((resolve) => held.push(resolve)));
  const [slow, quick] = [watch.look(), watch.look()];
  held[1]?.(found('newer'));
  await quick;
  held[0]?.(found('older'));
  expect((await slow).list).toEqual(found('older'));
  expect(watch.latest()?.list).toEqual(found('newer'));
});

test('it goes on looking after one that failed, and stops when it is told to', async () => {
  const warned: object[] = [];
  let looks = 0;
  const watch = watchCertificates(
    async () => {
      looks += 1;
      if (looks === 1) throw new Error('the store is away');
      return found(`look ${looks}`);
    },
    { intervalMs: 1, firstMs: 1 },
  );
  const stop = watch.keepLooking({ warn: (fields: object) => void warned.push(fields) } as never);
  while (looks < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  stop();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const before = looks;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(looks).toBe(before);
  expect(warned).toEqual([{ reason: 'the store is away' }]);
  expect(watch.latest()?.list).toEqual(found(`look ${looks}`));
});
