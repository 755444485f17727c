import {
  checkTrustRestrictionsRemoval,
  checkTrustRestrictionsRequest,
  parseCloudDeployment,
} from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { describe, expect, test } from 'vitest';

const deployment = { cloud: 'acme', deployment: 'd1' };

test.each(['acme', 'acme/', '/d1', 'acme/d1/main'])('--deployment %s is refused with the form that it has', (text) => {
  expect(() => parseCloudDeployment(text)).toThrow(`--deployment ${text}: write CLOUD/DEPLOYMENT.`);
});

test('--deployment CLOUD/ID names a deployment of a cloud', () => {
  expect(parseCloudDeployment('acme/d1')).toEqual(deployment);
});

describe('trust-restrictions set', () => {
  test.each([
    ['nobody', { allow: [] }, /Give --allow PATTERN or --deployment CLOUD\/ID/],
    ['a deployment twice', { allow: [], deployments: [deployment, deployment] }, /acme\/d1 is given twice/],
    [
      'an id that would lead elsewhere',
      { allow: [], deployments: [{ cloud: 'acme', deployment: '../x' }] },
      /"\.\.\/x" is no id/,
    ],
    ['a regular expression', { allow: ['/us-.*/'] }, /--allow \/us-\.\*\/: a pattern has/],
    ['everybody', { allow: ['*'] }, /--allow \*: that lets everybody in/],
  ])('is refused with %s', (_, wish, sentence) => {
    expect(() => checkTrustRestrictionsRequest({ cluster: 'us', ...wish })).toThrow(sentence);
  });

  test('takes deployments without patterns', () => {
    expect(() => checkTrustRestrictionsRequest({ cluster: 'us', allow: [], deployments: [deployment] })).not.toThrow();
  });
});

test('trust-restrictions remove takes a deployment by its id alone', () => {
  expect(() => checkTrustRestrictionsRemoval({ cluster: 'us', deployment })).not.toThrow();
  expect(() =>
    checkTrustRestrictionsRemoval({ cluster: 'us', deployment: { ...deployment, deployment: 'a b' } }),
  ).toThrow(/"a b" is no id of a deployment/);
});
