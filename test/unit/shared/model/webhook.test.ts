import { checkWebhookRequest, shownUrl } from '@remora/shared/model/webhook.ts';
import { describe, expect, test } from 'vitest';

describe('the URL of a webhook as it is shown', () => {
  test.each([
    ['https://alerts.example.com/remora', 'https://alerts.example.com/remora'],
    ['https://example.com/?token=t0p-secret', 'https://example.com/?token=…'],
    ['https://example.com/x?v=1&sig=t0p?secret=x#t0p=secret', 'https://example.com/x?v=…&sig=…#t0p=…'],
    ['https://example.com/?sig=t0p;b=secret&', 'https://example.com/?sig=…&'],
    // Without a name it is the value itself, with the padding of Base64 too.
    ['https://example.com/?t0psecret', 'https://example.com/?…'],
    ['https://example.com/?t0psecret==', 'https://example.com/?…'],
    ['https://example.com/?=t0psecret', 'https://example.com/?…'],
    ['example.com?token=t0p-secret', 'example.com?token=…'],
  ])('%s', (url, shown) => {
    expect(shownUrl(url)).toBe(shown);
  });

  test.each(['no url?token=t0p-secret', 'http://example.com/?token=t0p-secret'])(
    'is not whole in a refusal: %s',
    (url) => {
      const check = (): void => checkWebhookRequest({ url, secret: 'a secret of sixteen or more' });
      expect(check).toThrow(/token=…/);
      expect(check).not.toThrow(/t0p-secret/);
    },
  );
});
