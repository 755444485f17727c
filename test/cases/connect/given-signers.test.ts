import { exactIdentity } from '@remora/shared/model/certificates/certificate-identity.ts';
import { type ConnectRequest, checkConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { describe, expect, test } from 'vitest';
import { disconnected, planOff } from '../disconnect/plans.ts';
import { carriedOut, factsIn, rollbackOf, takeBack } from '../rollback/past-signing.ts';
import { planIn as planRotation, refusalIn } from '../rotate/plans.ts';
import { planCa } from '../rotate-ca/plans.ts';
import { applySteps } from './apply.ts';
import { request } from './facts.ts';
import {
  CORPORATE,
  DAY_MS,
  givenSigners,
  refusedGivenSigners,
  SUBJECT,
  signedBefore,
  signFor,
  signingWish,
} from './given-signers-world.ts';
import { lines, planIn, stepOf } from './plans.ts';
import { checkRefusal } from './runner.ts';
import { localFiles, prove } from './standing.ts';
import { isConnected } from './truth.ts';
import { nodeOf, type World } from './world.ts';

/** Nodes sign with certificates that others made. */

const givenOf = ({ signers }: World) =>
  signers.map(({ node, ca, subject, given }) => [node, ca, subject, given]).sort();

describe('signing certificates that others made', () => {
  test('are placed for a connection that works, and given again there is nothing to do', () => {
    const made = givenSigners();
    const plan = planIn(made, signingWish());
    expect(plan.steps.map(({ kind }) => kind)).not.toContain('ca.create');
    const { input, diff } = stepOf(plan, 'signing-certificate.issue', 'eu-2');
    expect(input).toMatchObject({
      ca: CORPORATE,
      subject: SUBJECT,
      given: { request: 'id-2', fingerprint256: 'given id-2' },
    });
    expect(diff).toContain('+   SHA-256 given id-2');
    expect(stepOf(plan, 'api-key.identify').input.identity).toBe(exactIdentity(SUBJECT));
    let now = made;
    for (const step of plan.steps) {
      now = applySteps(now, [step]);
      expect(isConnected(now, 'us'), step.id).toBe(true);
    }
    expect(givenOf(now)).toEqual([
      ['eu-1', CORPORATE, SUBJECT, 'id-1'],
      ['eu-2', CORPORATE, SUBJECT, 'id-2'],
    ]);
    expect(lines(planIn(now, signingWish()))).toEqual([]);
    // Without the files, and long after: somebody has to bring others.
    now.nowMs += 80 * DAY_MS;
    expect(lines(planIn(now, request({ signingCa: CORPORATE })))).toEqual([]);
  });

  test('are replaced by others that are given, under the same password, and only where they are others', () => {
    const made = signedBefore();
    signFor(made, 'eu-2');
    const plan = planIn(made, signingWish());
    expect(lines(plan)).toEqual([
      'certificates signing-certificate.issue eu-2 none',
      ...localFiles('file', ['eu-2']),
      prove,
      'signed signing.verify eu-2 none',
    ]);
    expect(stepOf(plan, 'signing-certificate.issue').input.passwordSecret).toBe(
      made.signers.find(({ node }) => node === 'eu-2')?.passwordSecret,
    );
    const done = applySteps(made, plan.steps);
    expect(lines(planIn(done, signingWish()))).toEqual([]);
    expect(lines(planIn(done, signingWish({ signingGiven: ['id-1', 'id-3'] })))).toEqual([]);
  });

  test('take the place of ones that Remora made, and give it back, without a gap', () => {
    const own = request({ certificateIdentity: 'CN=own' });
    const made = givenSigners({ certificateIdentity: 'CN=own' });
    let now = made;
    for (const wish of [signingWish(), own]) {
      const { steps } = planIn(now, wish.signingCa === undefined ? { ...own, signingCa: 'eu-signing' } : wish);
      expect(steps.filter(({ kind }) => kind === 'signing.verify')).toHaveLength(2);
      for (const step of steps) {
        now = applySteps(now, [step]);
        expect(isConnected(now, 'us'), step.id).toBe(true);
      }
    }
    expect(givenOf(now)).toEqual([
      ['eu-1', 'eu-signing', 'CN=own', undefined],
      ['eu-2', 'eu-signing', 'CN=own', undefined],
    ]);
    expect(now.keys[0]?.certificateIdentity).toBe('CN=own');
  });

  test('a run that placed them in the place of others is taken back', () => {
    const made = givenSigners({ certificateIdentity: 'CN=own' });
    const plan = planIn(made, signingWish());
    const past = carriedOut(made, plan);
    let { now } = past;
    for (const step of rollbackOf(factsIn(plan, past)).steps) {
      now = takeBack(now, past, step);
      expect(isConnected(now, 'us'), step.id).toBe(true);
    }
    expect(givenOf(now)).toEqual(givenOf(made));
    expect(now.keys).toEqual(made.keys);
  });

  test('go with the signatures and with the connection; the trust in a CA whose key is elsewhere stays, which is told', () => {
    const made = signedBefore();
    const off = planIn(made, request());
    const kept = /CA corporate, whose key is not here, stays in remora-signing-cas\.crt of cluster us/;
    expect(off.warnings.join()).toMatch(kept);
    const without = applySteps(made, off.steps);
    expect([without.signers, without.local.hidden]).toEqual([[], {}]);
    expect(nodeOf(without.local, 'eu-1').files['remora-signing-us.p12']).toBeUndefined();
    expect(planOff(made).warnings.join()).toMatch(kept);
    made.cas = made.cas.map((ca) => ({ ...ca, key: ca.key ?? 'secret:ca/corporate/key@1' }));
    const gone = disconnected(made);
    expect([gone.signers, gone.local.hidden, gone.remote.hidden]).toEqual([[], {}, {}]);
  });

  test('are not made anew by certs rotate or ca rotate, which say what is', () => {
    const made = signedBefore();
    const command = (ca: string) => `remora connect eu us --alias us --signing-ca ${ca} --signing-files DIR`;
    expect(refusalIn(made, { cluster: 'eu' }).message).toContain(command(CORPORATE));
    expect(planRotation(made, { all: true, asFarAsPossible: true }).warnings.join()).toContain(command(CORPORATE));
    expect(() => planCa(made, { ca: CORPORATE })).toThrow(command('NAME'));
    const [ca] = made.cas.filter(({ name }) => name === CORPORATE);
    if (ca)
      made.cas.push({
        ...ca,
        name: 'next',
        facts: { ...ca.facts, fingerprint256: 'next' },
        certificatePem: 'PEM of next',
      });
    expect(() => planCa(made, { ca: CORPORATE, to: 'next' })).toThrow(command('next'));
  });

  test.each(refusedGivenSigners)('are refused: $name', checkRefusal);

  test.each<[string, Partial<ConnectRequest>, RegExp]>([
    ['without the name of their CA', { signingGiven: [] }, /need --signing-ca NAME/],
    ['with a subject', { signingGiven: [], signingCa: 'c', signingSubject: 'CN=x' }, /^--signing-subject is for/],
    ['with a validity', { signingGiven: [], signingCa: 'c', signingValidity: '9d' }, /^--signing-validity is for/],
  ])('are refused %s', (_, more, sentence) => {
    expect(() => checkConnectRequest(request(more))).toThrow(sentence);
  });
});
