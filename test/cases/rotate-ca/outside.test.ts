import { expect, test } from 'vitest';
import type { AnyConnectionRecord } from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { World } from '../connect/world.ts';
import { planCa, standing } from './plans.ts';

const handOut = (
  made: World,
  more: { readonly revoked?: true; readonly expiresAtMs?: number; readonly cluster?: string } = {},
) => {
  const secret = 'secret:handed-out/us/team/api-key@1';
  const record = { secret, cluster: 'us', id: 'k2', name: 'remora-for-team-x', expiresAtMs: null, configHash: 'h' };
  made.keys.push({ usable: true, record: { ...record, ...more } });
};

const foreign = (cas: readonly string[]): AnyConnectionRecord => ({
  ...{ local: 'eu', alias: 'other', auth: 'api_key', mode: 'sniff', cas, settings: ['mode', 'seeds'] },
  foreign: { name: 'theirs', clusterUuid: null },
  keySecret: 'secret:connection/eu/other/given-key@1',
  key: { id: 'key-id', name: null, expiresAt: null },
});

test('those who were given a key are named: they trust the old CA alone, and the rotation does not reach them', () => {
  const made = standing((it) => handOut(it));
  expect(planCa(made).warnings).toEqual([
    expect.stringMatching(
      /^A key was made for team \(cluster us\), with CA us-remote in its file: .* --to us-remote-2 /,
    ),
  ]);
});

test('but not whose key was revoked, has ended, or is one of another cluster', () => {
  for (const more of [{ revoked: true as const }, { expiresAtMs: 1 }, { cluster: 'ap' }])
    expect(planCa(standing((it) => handOut(it, more))).warnings).toEqual([]);
});

test('a connection to a cluster of others that knows it by this CA keeps it in the CA file, and is named', () => {
  const made = standing();
  const plan = planCa(made, {}, [foreign(['us-remote'])]);
  expect(plan.warnings).toEqual([
    expect.stringMatching(/^The connection eu\/other leads to a cluster that others run, and knows it by CA us-remote/),
  ]);
  const proofs = plan.steps.flatMap((step) =>
    step.kind === 'trust.verify' && step.stage === 'prove-new' ? [step.input.lacks] : [],
  );
  expect(proofs).toEqual([[], []]);
  expect(planCa(made, {}, [foreign([])]).warnings).toEqual([]);
});
