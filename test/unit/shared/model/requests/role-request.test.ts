import { checkRoleApplyRequest } from '@remora/shared/model/requests/role-request.ts';
import { expect, test } from 'vitest';

const good = { local: 'eu', alias: 'us', name: 'logs reader', search: ['logs-*'], user: { name: 'ann+1@x.org' } };

test('names are taken as Elasticsearch takes them', () => {
  expect(() => checkRoleApplyRequest(good)).not.toThrow();
});

test.each([
  ['a role with a comma, which could not be read back', { name: 'a,b' }, '"a,b" is not a name of a role'],
  ['a user with a comma', { user: { name: 'ann,bob' } }, '"ann,bob" is not a name of a user'],
  ['a slash', { name: 'a/b' }, 'no "/" and no ","'],
  ['a blank at an end', { name: ' a' }, 'no blank at either end'],
  ['nothing that is granted', { search: undefined }, 'would grant nothing over the connection'],
  [
    'system indices of no patterns',
    { search: undefined, remoteCluster: ['monitor_stats'], restricted: true },
    '--restricted says that patterns',
  ],
  ['followers of nothing', { followers: ['copy-*'] }, '--followers says which indices follow'],
])('%s is refused', (_, more, sentence) => {
  expect(() => checkRoleApplyRequest({ ...good, ...more } as typeof good)).toThrow(sentence);
});
