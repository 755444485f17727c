import { checkCloudInput, cloudUrl } from '@remora/shared/model/clouds/cloud.ts';
import { expect, test } from 'vitest';

test.each([
  ['https://api.elastic-cloud.com', 'https://api.elastic-cloud.com'],
  ['https://ece.example.com:12443/', 'https://ece.example.com:12443'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
])('%s is asked at %s', (given, origin) => {
  expect(cloudUrl(given)).toBe(origin);
});

test.each([
  ['api.elastic-cloud.com', /that is not a URL/],
  ['http://ece.example.com', /beyond this machine the API key goes over https only/],
  ['https://user:secret@ece.example.com', /give the API key with --api-key-file/],
  ['https://ece.example.com/api/v1', /without path/],
])('%s is refused', (given, sentence) => {
  expect(() => cloudUrl(given)).toThrow(sentence);
});

test('an API key with a line break is refused, and not quoted', () => {
  expect(() => checkCloudInput('acme', { apiKey: 'secret\nkey' })).toThrow(/^The API key has blanks/);
});
