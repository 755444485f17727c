import { DEFAULT_GRACE, type KeyRotateRequest } from '@remora/shared/model/requests/key-request.ts';
import { formatDuration, parseDurationOrNone } from '@remora/shared/model/values/duration.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import type { ClusterKey } from '../keys/cluster-key.ts';
import { keyNameOf } from '../keys/key-names.ts';
import { createKeyStep, inUseStep, newKeyNodeSteps, proveKeyStep } from '../keys/new-key.ts';
import type { AnyStep } from '../steps.ts';
import type { KeyRotationFacts } from './facts.ts';
import type { KeyRotation } from './rotation.ts';

const nameOf = ({ standing: { local, alias } }: KeyRotation): string => `${local}.${alias}`;

/** Beginnings of the keys' names; `a-b`/`c` and `a`/`b-c` would have the same, and which key is whose is told by it. */
const keyNames = (rotations: readonly KeyRotation[]): ReadonlyMap<KeyRotation, string> => {
  const groups = Map.groupBy(rotations, ({ standing }) => `${standing.remote} ${keyNameOf(standing)}`);
  return new Map(
    [...groups.values()].flatMap((group) =>
      group.map((one, i): [KeyRotation, string] => [one, `${keyNameOf(one.standing)}${i === 0 ? '' : `.${i + 1}`}`]),
    ),
  );
};

const recordStep = (one: KeyRotation): AnyStep => ({
  ...{ id: `record-${nameOf(one)}`, kind: 'connection.record', target: 'coordinator', effect: 'none' },
  ...{ reason: 'every node uses the new key', stage: 'record' },
  ...{ diff: connectionDiff(one.standing, one.connection), input: { connection: one.connection } },
});

const retireSteps = ({ standing, old }: KeyRotation, graceMs: number): AnyStep[] =>
  old.map(({ record: { cluster, id, name, secret } }) => ({
    ...{ id: `retire-key-${id}`, kind: 'api-key.invalidate', target: cluster, effect: 'api', stage: 'retire' },
    reason: `every node has proven the new key${graceMs === 0 ? '' : `; it lives on for ${formatDuration(graceMs)} more`}`,
    ...{ diff: `- key ${name} (${secret})`, input: { cluster, id, secret, locals: [standing.local], graceMs } },
  }));

const strayStep = (cluster: string, { id, name }: ClusterKey): AnyStep => ({
  ...{ id: `stray-key-${id}`, kind: 'api-key.revoke', target: cluster, effect: 'api', stage: 'strays' },
  ...{ reason: 'a crash left it: no node uses it', diff: `- key ${name} (${id})`, input: { cluster, id } },
});

/** All steps of the rotations, in the order of their stages. */
export const keyRotationSteps = (
  rotations: readonly KeyRotation[],
  { grace = DEFAULT_GRACE }: Pick<KeyRotateRequest, 'grace'>,
  facts: KeyRotationFacts,
): AnyStep[] => {
  const graceMs = parseDurationOrNone(grace);
  const names = keyNames(rotations);
  return [
    ...rotations.flatMap((one) => createKeyStep(one, names.get(one) ?? '')),
    ...newKeyNodeSteps(rotations, facts),
    ...rotations.map((one) =>
      proveKeyStep(one, 'prove', 'the new key must work from every node before the old one goes'),
    ),
    ...rotations.map(inUseStep),
    ...rotations.map(recordStep),
    ...rotations.flatMap((one) => retireSteps(one, graceMs)),
    ...rotations
      .filter(({ old }) => old.length > 0)
      .map((one) => proveKeyStep(one, 'prove-again', 'the connection must work without the old key')),
    ...rotations.flatMap(({ standing, strays }) => strays.map((key) => strayStep(standing.remote, key))),
  ];
};
