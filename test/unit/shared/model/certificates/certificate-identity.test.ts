import {
  exactIdentity,
  matchesAll,
  parseIdentity,
  subjectFor,
} from '@remora/shared/model/certificates/certificate-identity.ts';
import { parseSubject } from '@remora/shared/model/certificates/distinguished-name.ts';
import { describe, expect, test } from 'vitest';

/** Each with a subject that Elasticsearch 9.5.3 lets in by it, and one that it does not. */
const matching: [string, string, string][] = [
  ['CN=signer,O=x', 'CN=signer,O=x', 'CN=signer,O=xy'],
  ['CN=signer[12],O=x', 'CN=signer2,O=x', 'CN=signer3,O=x'],
  [
    'CN=.*\\.example\\.com,O=Example Corp,C=US',
    'CN=eu.example.com,O=Example Corp,C=US',
    'CN=example.com,O=Example Corp',
  ],
  ['CN=eu\\-signer\\,O=x', 'CN=eu-signer,O=x', 'CN=eusigner,O=x'],
  ['CN=(?<first>a|b)x', 'CN=ax', 'CN=cx'],
  ['CN=(?:a|b)\\d{2}', 'CN=a07', 'CN=c07'],
  ['CN=[a\\-c]+', 'CN=a-c', 'CN=b'],
  ['CN=((a|b)c)+[(+]?', 'CN=acbc(', 'CN=ab'],
];

const refused: [string, string][] = [
  ['', 'is empty: no certificate ever matches that'],
  ['CN=(', 'is not a regular expression'],
  ['CN=a{', 'is not a regular expression'],
  ['CN=\\Qa.b\\E', 'has \\Q, which Remora cannot try as Java does'],
  ['CN=\\p{Alpha}+', 'has \\p,'],
  ['(?i)CN=a', 'flags like (?i)'],
  ['CN=(?>a|b)', 'atomic groups'],
  ['CN=a++', 'possessive quantifiers'],
  ['CN=[a-z&&[^b]]', 'intersections of character classes'],
  ['CN=[a[bc]]', 'character classes inside of others'],
  ['CN=[]', 'empty character classes'],
  ['CN=[^]', 'empty character classes'],
  ['(?<=CN=a*)b', 'look-behinds'],
  ['CN=(?<a_b>x)', 'names of groups'],
  ['CN=(a+)+b', 'repeats a group that repeats by itself'],
  ['CN=((a+)b?)+c', 'repeats a group that repeats by itself'],
  ['CN=((ab)*){2}', 'repeats a group that repeats by itself'],
];

describe('certificate_identity', () => {
  test.each(matching)('%s is matched as a whole by %s, and not by %s', (text, subject, other) => {
    expect(parseIdentity(text).test(subject)).toBe(true);
    expect(parseIdentity(text).test(other)).toBe(false);
  });

  test.each(refused)('%s is refused', (text, says) => {
    expect(() => parseIdentity(text)).toThrow(says);
  });

  test.each(['CN=signer,O=x', 'CN=a.b (c)*?,O=x'])('of %s exactly is matched by that alone', (subject) => {
    expect(parseIdentity(exactIdentity(subject)).test(subject)).toBe(true);
    expect(parseIdentity(exactIdentity(subject)).test(subject.replace('.', 'x').replace('n', 'm'))).toBe(false);
  });

  test.each([
    ['CN=.*', true],
    ['.*', true],
    ['CN=.*,O=Example', false],
    ['CN=eu.*', false],
  ])('%s matches every subject: %s', (text, all) => {
    expect(matchesAll(text)).toBe(all);
  });

  test.each([
    ['CN=signer,O=x', 'CN=signer,O=x'],
    ['CN=local-cluster.*,O=Example Corp,C=US', 'CN=local-cluster,O=Example Corp,C=US'],
    ['CN=.*\\.example\\.com,O=x', 'CN=eu.example.com,O=x'],
    ['CN=[^,]+,O=x', 'CN=eu,O=x'],
    ['CN=eu-.*', 'CN=eu-us'],
    ['CN=(a|b)', null],
  ])('a subject for %s is %s', (text, subject) => {
    expect(subjectFor(text, ['CN=eu-us'], 'eu')).toBe(subject);
  });
});

describe('a subject', () => {
  test('is read in the order of RFC 2253', () => {
    expect(parseSubject('CN=eu signer,OU=search,O=Example Corp,C=US')).toEqual([
      { part: 'CN', value: 'eu signer' },
      { part: 'OU', value: 'search' },
      { part: 'O', value: 'Example Corp' },
      { part: 'C', value: 'US' },
    ]);
  });

  test.each([
    ['eu-signer', 'begins with none of CN=, O='],
    ['O=Example', 'exactly one common name'],
    ['CN=a,CN=b', 'exactly one common name'],
    ['CN=a\\,b', 'would have to be escaped'],
    ['CN=a, O=b', 'begins with none of'],
    ['CN=a,C=usa', 'not two capital letters'],
    ['CN=', 'would have to be escaped'],
  ])('%s is refused', (text, says) => {
    expect(() => parseSubject(text)).toThrow(says);
  });
});
