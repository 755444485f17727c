import { checkKeyRotateRequest, type KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import { describe, expect, test } from 'vitest';

describe('which keys are replaced', () => {
  test.each<[KeyRotateRequest]>([
    [{ local: 'eu', alias: 'us' }],
    [{ expiring: '14d' }],
    [{ local: 'eu', due: true }],
    [{ all: true, expires: '90d', grace: '0s' }],
    [{ all: true, grace: '1h' }],
  ])('%j is said', (wish) => {
    expect(() => checkKeyRotateRequest(wish)).not.toThrow();
  });

  test.each<[KeyRotateRequest, RegExp]>([
    [{}, /^Which keys\? Nothing says which ones/],
    [{ local: 'eu' }, /^Which keys\? Nothing says which ones/],
    [{ alias: 'us' }, /^Which connection\? Alias "us" belongs to a local cluster\./],
    [{ local: 'eu', alias: 'us', due: true }, /each say which ones: give one of them/],
    [{ expiring: '14d', all: true }, /each say which ones: give one of them/],
    [{ all: true, expires: '0d' }, /"0d" is not a duration/],
    [{ all: true, grace: '-1s' }, /"-1s" is not a duration/],
    [{ all: true, grace: '61m' }, /^--grace 61m: .* one hour at most/],
    [{ expiring: 'soon' }, /"soon" is not a duration/],
  ])('%j is refused', (wish, message) => {
    expect(() => checkKeyRotateRequest(wish)).toThrow(message);
  });
});
