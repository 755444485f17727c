import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { describe, expect, test } from 'vitest';
import { applySteps } from './apply.ts';
import { request } from './facts.ts';
import { connected, lines, planIn, stepOf } from './plans.ts';
import { checkPlan, type PlanCase } from './runner.ts';
import { localFiles, prove, put, reloads, standing } from './standing.ts';
import { isConnected } from './truth.ts';
import { nodeOf, type World, world } from './world.ts';

/** Requests over a connection are signed, and the key demands it: turned on and off on a living connection, without a restart. */

const signed: Partial<ConnectRequest> = { certificateIdentity: 'CN=signer,O=x' };
const nodes = ['eu-2', 'eu-3', 'eu-1'];
const remoteNodes = ['us-2', 'us-3', 'us-1'];
const TRUST = 'remora-signing-cas.crt';
const record = 'prepare connection.record coordinator none';
const issued = nodes.map((node) => `certificates signing-certificate.issue ${node} none`);
const demanded = 'identity api-key.identify us api';

/** What a connection that stands needs. */
const turnedOn = [
  record,
  'prepare ca.create coordinator none',
  ...issued,
  ...remoteNodes.map((node) => `remote-files node.change ${node} file`),
  ...remoteNodes.map((node) => `remote-verify remote-server.verify ${node} none`),
  'signing-trust signing-settings.put us api',
  ...localFiles('reload'),
  ...reloads(),
  'sign signing-settings.put eu api',
  prove,
  demanded,
];

const turnedOff = [
  record,
  'demand-off api-key.identify us api',
  'sign-off signing-settings.put eu api',
  prove,
  ...nodes.map((node) => `signers-off node.change ${node} reload`),
  ...nodes.map((node) => `signers-reload secure-settings.reload ${node} reload`),
  'trust-off signing-settings.put us api',
  ...remoteNodes.map((node) => `trust-files-off node.change ${node} file`),
  ...nodes.map((node) => `unsigned signing-certificate.forget ${node} none`),
];

const cases: PlanCase[] = [
  {
    name: 'turned on for a connection that works: trust first, then signatures, the demand last',
    world: standing(),
    wish: signed,
    steps: turnedOn,
    warnings: [/nobody whether cluster\.remote\.signing\.\* of cluster us was set by hand/],
    also: (plan) => {
      expect(stepOf(plan, 'signing-settings.put', 'us').input).toEqual({
        cluster: 'us',
        persistent: { 'cluster.remote.signing.certificate_authorities': 'remora-signing-cas.crt' },
        before: { 'cluster.remote.signing.certificate_authorities': null },
        crossing: null,
      });
      expect(stepOf(plan, 'signing-settings.put', 'eu').input).toMatchObject({
        persistent: { 'cluster.remote.us.signing.keystore.path': 'remora-signing-us.p12' },
        before: { 'cluster.remote.us.signing.keystore.path': null },
        crossing: { local: 'eu', alias: 'us' },
      });
      expect(stepOf(plan, 'api-key.identify').input).toMatchObject({ identity: 'CN=signer,O=x' });
      expect(stepOf(plan, 'api-key.identify').diff).toMatch(
        /^\+ key remora-eu-us.*: certificate_identity CN=signer,O=x$/,
      );
      expect(stepOf(plan, 'signing-certificate.issue').input).toMatchObject({
        ca: 'eu-signing',
        subject: 'CN=signer,O=x',
      });
    },
  },
  {
    name: 'without an expression the key demands exactly the subject that is issued',
    world: standing(),
    wish: { signingCa: 'our-ca' },
    steps: turnedOn,
    warnings: [/set by hand/],
    also: (plan) => {
      expect(stepOf(plan, 'api-key.identify').input.identity).toBe('CN=eu-us');
      expect(stepOf(plan, 'signing-certificate.issue').input).toMatchObject({ ca: 'our-ca', subject: 'CN=eu-us' });
    },
  },
  {
    name: 'given again: nothing is to be done',
    world: standing(undefined, signed),
    wish: signed,
    steps: [],
  },
  {
    name: 'another expression that the certificates match: the key alone changes',
    world: standing(undefined, signed),
    wish: { certificateIdentity: 'CN=signer,.*' },
    steps: [record, prove, demanded],
    also: (plan) =>
      expect(stepOf(plan, 'api-key.identify').diff.replaceAll(/key \S+:/g, 'key:')).toBe(
        '- key: certificate_identity CN=signer,O=x\n+ key: certificate_identity CN=signer,.*',
      ),
  },
  {
    name: 'certificates that live for another time: by file, under the same password',
    world: standing(undefined, signed),
    wish: { ...signed, signingValidity: '90d' },
    steps: [
      record,
      ...issued,
      ...localFiles('file'),
      prove,
      ...nodes.map((node) => `signed signing.verify ${node} none`),
    ],
  },
  {
    name: 'the connection no longer works: what may have been taken out is written again',
    world: standing((made) => {
      made.remote.hidden = {};
    }, signed),
    wish: signed,
    steps: ['signing-trust signing-settings.put us api', 'sign signing-settings.put eu api', prove],
  },
  {
    name: 'turned off: the demand first, then signatures, the files after the settings that name them',
    world: standing(undefined, signed),
    steps: turnedOff,
    also: (plan) => expect(stepOf(plan, 'api-key.identify').input.identity).toBeNull(),
  },
  {
    name: 'turned off where another connection signs by the same CA: the remote cluster keeps it',
    world: () => connected(standing(undefined, signed)(), { ...signed, alias: 'second' }),
    steps: turnedOff.filter((line) => !line.startsWith('trust-')),
  },
  {
    name: 'an expression that asks for nothing in particular is told',
    world: standing(undefined, signed),
    wish: { certificateIdentity: 'CN=.*' },
    steps: [record, prove, demanded],
    warnings: [/CN=\.\* matches every subject/],
  },
  {
    name: 'for a second alias with a CA of its own the remote nodes get another file, which they have to read first',
    world: standing(undefined, signed),
    wish: { ...signed, alias: 'second', signingCa: 'other' },
    steps: [
      record,
      'prepare ca.create coordinator none',
      'api-key api-key.create us api',
      ...issued,
      ...remoteNodes.map((node) => `remote-files node.change ${node} file`),
      ...remoteNodes.map((node) => `remote-verify remote-server.verify ${node} none`),
      ...remoteNodes.map((node) => `remote-verify signing-trust.verify ${node} none`),
      'signing-trust signing-settings.put us api',
      ...localFiles('reload'),
      ...reloads(),
      'sign signing-settings.put eu api',
      put,
      prove,
    ],
  },
];

describe('signatures', () => {
  test.each(cases)('$name', (one) => checkPlan(one));

  test('of a connection that is new are there before it is registered, and its key demands them from its beginning', () => {
    const plan = planIn(world({ local: 2 }), request(signed));
    expect(stepOf(plan, 'api-key.create').input.certificateIdentity).toBe('CN=signer,O=x');
    expect(lines(plan).slice(-3)).toEqual(['sign signing-settings.put eu api', put, prove]);
    expect(plan.steps.some(({ kind }) => kind === 'api-key.identify')).toBe(false);
  });

  test('have their file on nodes that do not connect too, which would take no state of their cluster without it', () => {
    const made = connected(
      world({
        local: [
          ['master', 'data'],
          ['master', 'remote_cluster_client'],
        ],
      }),
    );
    const plan = planIn(made, request(signed));
    expect(stepOf(plan, 'node.change', 'eu-1').input.operations.map(({ name }) => name)).toEqual(['files', 'keystore']);
    expect(isConnected(applySteps(made, plan.steps), 'us')).toBe(true);
  });

  const onAndOff: [string, World, ConnectRequest][] = [
    ['on', standing()(), request(signed)],
    ['off', standing(undefined, signed)(), request()],
  ];

  test.each(onAndOff)(
    'turned %s: the connection works after each step, and each half-way state is understood',
    (_, made, wish) => {
      const { steps } = planIn(made, wish);
      for (let end = 0; end <= steps.length; end += 1) {
        const half = applySteps(made, steps.slice(0, end));
        expect(isConnected(half, 'us'), `after ${steps[end - 1]?.id}`).toBe(true);
        for (const next of [request(signed), request()]) {
          const whole = applySteps(half, planIn(half, next).steps);
          expect(lines(planIn(whole, next)), `${steps[end - 1]?.id}, then ${next.certificateIdentity}`).toEqual([]);
          expect(whole.keys[0]?.certificateIdentity).toBe(next.certificateIdentity);
        }
      }
    },
  );

  test('turned on and off leave the nodes as they were', () => {
    const made = standing()();
    const on = applySteps(made, planIn(made, request(signed)).steps);
    const off = applySteps(on, planIn(on, request()).steps);
    for (const side of ['local', 'remote'] as const) {
      expect(off[side].hidden).toEqual({});
      for (const { name, files, keystore } of made[side].nodes) {
        expect(Object.keys(nodeOf(off[side], name).files)).toEqual(Object.keys(files));
        expect(Object.keys(nodeOf(off[side], name).keystore.entries)).toEqual(Object.keys(keystore.entries));
      }
    }
    expect(off.signers).toEqual([]);
  });

  test('are taken on and off beside those of others, whose CA somebody put into the file and imported: it stays there', () => {
    const made = standing(({ remote, cas, secretVersions }) => {
      const [ca] = cas;
      const theirs = { name: 'theirs', certificate: 'secret:theirs@1', key: null };
      if (ca) cas.push({ ...ca, ...theirs, facts: { ...ca.facts, fingerprint256: 'theirs' } });
      secretVersions.theirs = 1;
      for (const { files } of remote.nodes) files[TRUST] = { source: null, certificates: ['theirs'] };
      remote.hidden['cluster.remote.signing.certificate_authorities'] = TRUST;
    })();
    made.foreignIdentities = ['theirs (k9)'];
    const trusted = ({ remote }: World) => remote.nodes.map(({ files }) => files[TRUST]?.certificates);
    const on = applySteps(made, planIn(made, request(signed)).steps);
    expect(trusted(on)).toEqual(remoteNodes.map(() => ['fingerprint of eu-signing', 'theirs']));
    const off = applySteps(on, planIn(on, request()).steps);
    expect(trusted(off)).toEqual(remoteNodes.map(() => ['theirs']));
    expect(off.remote.hidden).toEqual(made.remote.hidden);
  });

  test('taken off leave the trust where somebody put a CA into the file that Remora does not know', () => {
    const made = standing(({ remote }) => nodeOf(remote, 'us-1').files[TRUST]?.certificates.push('theirs'), signed)();
    const plan = planIn(made, request());
    expect(lines(plan).filter((line) => line.startsWith('trust-'))).toEqual([]);
    expect(plan.warnings).toEqual([
      `${TRUST} of node us-1 (cluster us) holds CN=theirs, which Remora does not know: the file and the setting that names it stay as they are.`,
    ]);
    expect(isConnected(applySteps(made, plan.steps), 'us')).toBe(true);
  });

  test('taken off take their CA off a node that lost the one that is still needed', () => {
    const made = connected(standing(undefined, signed)(), { ...signed, alias: 'second', signingCa: 'other' });
    nodeOf(made.remote, 'us-2').files[TRUST] = { source: null, certificates: ['fingerprint of eu-signing'] };
    const off = applySteps(made, planIn(made, request()).steps);
    expect(nodeOf(off.remote, 'us-2').files[TRUST]?.certificates).toEqual(['fingerprint of other']);
  });

  test('are not taken off some nodes alone, which would lack the file of a setting', () => {
    const made = standing(undefined, signed)();
    expect(lines(planIn(made, request({ nodes: ['eu-1'] })))).toEqual([]);
  });
});
