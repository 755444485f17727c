import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { describe, expect, test } from 'vitest';
import { applySteps } from './apply.ts';
import { request } from './facts.ts';
import { connected, lines, planIn } from './plans.ts';
import { checkPlan, type PlanCase } from './runner.ts';
import { localFiles, prove, standing } from './standing.ts';
import { isConnected } from './truth.ts';
import { type World, world } from './world.ts';

/** Certificates with which a living connection is signed become ones of another subject or CA, and nobody is kept out at any instant. */

const signed: Partial<ConnectRequest> = { certificateIdentity: 'CN=signer,O=x' };
const other: Partial<ConnectRequest> = { certificateIdentity: 'CN=other' };
const otherCa: Partial<ConnectRequest> = { ...signed, signingCa: 'new-ca' };
const nodes = ['eu-2', 'eu-3', 'eu-1'];
const remoteNodes = ['us-2', 'us-3', 'us-1'];
const TRUST = 'remora-signing-cas.crt';
const record = 'prepare connection.record coordinator none';
const issued = nodes.map((node) => `certificates signing-certificate.issue ${node} none`);
const verified = nodes.map((node) => `signed signing.verify ${node} none`);
const widened = 'widen api-key.identify us api';
const demanded = 'identity api-key.identify us api';
const bothTrusted = [
  ...remoteNodes.map((node) => `remote-files node.change ${node} file`),
  ...remoteNodes.map((node) => `remote-verify remote-server.verify ${node} none`),
  ...remoteNodes.map((node) => `remote-verify signing-trust.verify ${node} none`),
];
const oldTakenOut = [
  ...remoteNodes.map((node) => `trust-new node.change ${node} file`),
  ...remoteNodes.map((node) => `trust-new-read signing-trust.verify ${node} none`),
  'prove-new connection.prove eu none',
];

const cases: PlanCase[] = [
  {
    name: 'another subject: the key lets in both until every node has proven the new one',
    world: standing(undefined, signed),
    wish: other,
    steps: [record, ...issued, widened, ...localFiles('file'), prove, ...verified, demanded],
    also: ({ steps }) =>
      expect(steps.flatMap((step) => (step.kind === 'api-key.identify' ? [step.input.identity] : []))).toEqual([
        '(?:CN=signer,O=x)|(?:CN=other)',
        'CN=other',
      ]),
  },
  {
    name: 'another subject that the key lets in already: it is told which it demands from then on',
    world: standing(undefined, { certificateIdentity: 'CN=.*', signingSubject: 'CN=signer' }),
    wish: other,
    steps: [record, ...issued, ...localFiles('file'), prove, ...verified, demanded],
  },
  {
    name: 'another CA: the remote nodes trust both until every node has proven the new one',
    world: standing(undefined, signed),
    wish: otherCa,
    steps: [
      ...[record, 'prepare ca.create coordinator none', ...issued, ...bothTrusted],
      ...[...localFiles('file'), prove, ...verified, ...oldTakenOut],
    ],
  },
  {
    name: 'another CA, where another connection signs by the old one: that stays',
    world: () => connected(standing(undefined, signed)(), { ...signed, alias: 'second' }),
    wish: otherCa,
    steps: [
      ...[record, 'prepare ca.create coordinator none', ...issued, ...bothTrusted],
      ...[...localFiles('file'), prove, ...verified],
    ],
  },
];

const trusted = ({ remote }: World): (readonly string[] | undefined)[] =>
  remote.nodes.map(({ files }) => files[TRUST]?.certificates);

describe('signing certificates that become others', () => {
  test.each(cases)('$name', (one) => checkPlan(one));

  test('leave the new subject and the new CA alone', () => {
    const made = standing(undefined, signed)();
    const wish = request({ ...other, signingCa: 'new-ca' });
    const done = applySteps(made, planIn(made, wish).steps);
    expect(done.keys[0]?.certificateIdentity).toBe('CN=other');
    expect(trusted(done)).toEqual(remoteNodes.map(() => ['fingerprint of new-ca']));
    expect(done.signers.map(({ ca, subject }) => [ca, subject])).toEqual(nodes.map(() => ['new-ca', 'CN=other']));
    expect(lines(planIn(done, wish))).toEqual([]);
  });

  test.each([
    ['another subject', request(other)],
    ['another CA', request(otherCa)],
    ['both', request({ ...other, signingCa: 'new-ca' })],
  ])('%s: the connection works at every instant, whatever is wanted next', (_, wish) => {
    const made = connected(world({ remote: 1, local: 2 }), signed);
    const { steps } = planIn(made, wish);
    const wishes = [wish, request({ ...signed, signingCa: 'eu-signing' }), request()];
    for (let end = 0; end <= steps.length; end += 1) {
      const half = applySteps(made, steps.slice(0, end));
      expect(isConnected(half, 'us'), `after ${steps[end - 1]?.id}`).toBe(true);
      for (const next of wishes) {
        let whole = half;
        for (const step of planIn(half, next).steps) {
          whole = applySteps(whole, [step]);
          expect(isConnected(whole, 'us'), `${steps[end - 1]?.id}, then ${step.id}`).toBe(true);
        }
        expect(lines(planIn(whole, next)), `${steps[end - 1]?.id}, then ${next.certificateIdentity}`).toEqual([]);
        expect(whole.keys[0]?.certificateIdentity).toBe(next.certificateIdentity);
      }
    }
  });

  test('prove every node before the key is narrowed, also where an earlier run placed their files', () => {
    const made = standing(undefined, signed)();
    const { steps } = planIn(made, request(other));
    const placed = steps.findLastIndex(({ stage }) => stage === 'local-files');
    const half = applySteps(made, steps.slice(0, placed + 1));
    expect(lines(planIn(half, request(other)))).toEqual([prove, ...verified, demanded]);
  });
});
