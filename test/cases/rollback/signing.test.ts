import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { describe, expect, test } from 'vitest';
import type { RollbackFacts } from '../../../coordinator/src/plan/rollback/facts.ts';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import type { AnyStep, StepInputs, StoredPlan } from '../../../coordinator/src/plan/steps.ts';
import { applySteps } from '../connect/apply.ts';
import { factsOf, request, sha256 } from '../connect/facts.ts';
import { connected, lines, planIn, stepOf } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import { clusterOf, nodeOf, type World, world } from '../connect/world.ts';
import { type Backup, change, done, ended, RUN } from './connected.ts';

/** A run that turned signatures on or off is taken back in the reverse of its order: what goes before the files that it names, what comes back after them. */

const signed: Partial<ConnectRequest> = { certificateIdentity: 'CN=signer,O=x' };

/** What a step found, as it remembers it. */
const beforeOf = (made: World, step: AnyStep): unknown => {
  if (step.kind === 'signing-settings.put') return step.input.before;
  if (step.kind === 'api-key.identify') return { identity: made.keys[0]?.certificateIdentity ?? null };
  if (step.kind === 'connection.record') return made.connections[0];
  if (step.kind === 'signing-certificate.issue' || step.kind === 'signing-certificate.forget')
    return made.signers.find(({ node }) => node === step.input.node) ?? null;
  return step.kind === 'ca.create' ? null : undefined;
};

const changesOf = (made: World, { cluster, node, operations }: StepInputs['node.change']): Backup => {
  const { files, keystore } = nodeOf(clusterOf(made, cluster), node);
  const changes = operations.flatMap((call) => {
    if (call.name === 'files')
      return [...call.input.write.map(({ path }) => path), ...call.input.remove].map((name) =>
        change('file', name, { existed: name in files }),
      );
    if (call.name !== 'keystore') return [];
    return [...call.input.set.map(({ name }) => name), ...call.input.remove].map((name) =>
      change('entry', name, { existed: name in keystore.entries }),
    );
  });
  return { changes, unknown: [] };
};

const factsAfter = (made: World, plan: StoredPlan, now: World): RollbackFacts => {
  const { local, remote, connections, cas, certificates, signers, secretVersions, keys } = factsOf(now, request());
  const changed = plan.steps.filter((step) => step.kind === 'node.change');
  return {
    run: ended(plan, {
      steps: new Map(
        plan.steps.map((step) => {
          const before = beforeOf(made, step);
          return [step.id, done({ kept: before === undefined ? null : { before } })];
        }),
      ),
    }),
    ...{ others: [], keys: [], earlierKeys: keys, apiKeys: keys.map(({ record }) => record) },
    ...{ connections, cas, certificates, signers, deploymentTrusts: [], secretVersions, principals: new Map() },
    clusters: new Map([local, remote].map((cluster) => [cluster.name, cluster])),
    settings: new Map([
      ['us', {}],
      ['eu', local.persistent],
    ]),
    backups: new Map(changed.map((step) => [`${step.input.cluster}/${step.input.node}`, changesOf(made, step.input)])),
  };
};

const back = (facts: RollbackFacts): StoredPlan =>
  planRollback({ run: RUN }, facts, { planId: 'plan-2', now: '2026-03-01T13:00:00.000Z', hash: sha256 });

const rolledBack = (made: World, wish: ConnectRequest): StoredPlan => {
  const plan = planIn(made, wish);
  return back(factsAfter(made, plan, applySteps(made, plan.steps)));
};

/** Where what only signatures have stands in the order. */
const places = (plan: StoredPlan): string[] =>
  lines(plan)
    .filter((line) => /signing|identify|node\.change|prove/.test(line))
    .map((line) => line.replace(/ (none|api|file|reload)$/, ''));

describe('a rollback', () => {
  test('of what turned signatures on: the demand goes first, and the files last', () => {
    const plan = rolledBack(connected(world({ remote: 1, local: 2 })), request(signed));
    expect(places(plan)).toEqual([
      'demand-off api-key.identify us',
      'signing-off signing-settings.put eu',
      'signing-off signing-settings.put us',
      'files-eu node.change eu-2',
      'files-eu node.change eu-1',
      'files-us node.change us-1',
      'prove connection.prove eu',
    ]);
    expect(stepOf(plan, 'api-key.identify').input.identity).toBeNull();
    const records = plan.steps.flatMap((step) => (step.kind === 'inventory.put-back' ? step.input.records : []));
    expect(records.map(({ collection, record }) => [collection, record === null])).toEqual([
      ['connections', false],
      ['signingCertificates', true],
      ['signingCertificates', true],
      ['cas', true],
    ]);
  });

  test('of what turned them off: the files come back first, and the demand last', () => {
    const plan = rolledBack(connected(world({ remote: 1, local: 2 }), signed), request());
    expect(places(plan)).toEqual([
      'files-us node.change us-1',
      'files-eu node.change eu-2',
      'files-eu node.change eu-1',
      'signing-on signing-settings.put us',
      'signing-on signing-settings.put eu',
      'demand-on api-key.identify us',
      'prove connection.prove eu',
    ]);
    expect(stepOf(plan, 'api-key.identify').input.identity).toBe('CN=signer,O=x');
    const records = plan.steps.flatMap((step) => (step.kind === 'inventory.put-back' ? step.input.records : []));
    expect(records.map(({ collection, record }) => [collection, record === null])).toEqual([
      ['connections', false],
      ['signingCertificates', false],
      ['signingCertificates', false],
    ]);
    expect(stepOf(plan, 'signing-settings.put', 'eu').input.persistent).toEqual({
      'cluster.remote.us.signing.keystore.path': 'remora-signing-us.p12',
    });
  });

  test('leaves what somebody has the key demand since', () => {
    const made = connected(world({ remote: 1, local: 1 }));
    const plan = planIn(made, request(signed));
    const now = applySteps(made, plan.steps);
    expect(isConnected(now, 'us')).toBe(true);
    now.keys = now.keys.map((key) => ({ ...key, certificateIdentity: 'CN=.*' }));
    const rollback = back(factsAfter(made, plan, now));
    expect(rollback.steps.some(({ kind }) => kind === 'api-key.identify')).toBe(false);
    expect(rollback.warnings.join()).toContain('(CN=.*) was changed by somebody else since');
  });
});
