import { placeOf } from '../connection/alias-place.ts';
import { sameAccess } from '../keys/cluster-key.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { connectionName } from '../keys/new-key.ts';
import { isUnseen } from '../node/node-step.ts';
import { connectingNodes } from '../node/nodes.ts';
import type { AnyStep } from '../steps.ts';
import type { KeyRotationFacts } from './facts.ts';
import type { KeyRotation } from './rotation.ts';

const awayWarnings = (steps: readonly AnyStep[]): string[] => {
  const away = steps.filter(isUnseen).map(({ target }) => target);
  return away.length === 0
    ? []
    : [
        `Nodes whose agents are away: ${away.join(', ')}. Until each has proven the new key the old one lives and stays on record: the run ends there, and goes on by itself when an agent is back in time.`,
      ];
};

const ofKey = ({ standing, current }: KeyRotation): string[] => {
  const { record, key, usable } = current ?? {};
  if (!record) return [];
  const what = `The key of ${connectionName(standing)}, ${record.name},`;
  if (!usable) {
    const why = key?.invalidated
      ? 'was invalidated'
      : key
        ? 'has ended, or its secret is lost'
        : 'is not known to its cluster';
    return [`${what} ${why}: the connection does not work until the new one is in place.`];
  }
  return key && !sameAccess(key.access, standing.access)
    ? [
        `${what} was changed by somebody: it grants ${JSON.stringify(key.access)}. The new one grants what is on record.`,
      ]
    : [];
};

const ofMetadata = ({ standing, metadata }: KeyRotation): string[] =>
  metadata === null
    ? [`Which metadata people gave the key of ${connectionName(standing)} is not known any more: the new one has none.`]
    : [];

const ofIdentity = ({ standing, current, next }: KeyRotation): string[] =>
  current && current.key === null && standing.signing === undefined && (next?.key?.certificateIdentity ?? null) === null
    ? [
        `Whether the key of ${connectionName(standing)} demanded a signature (certificate_identity) is not known any more: the new one demands none.`,
      ]
    : [];

const foreignEntries = ({ standing, local }: KeyRotation): string[] => {
  const nodes = local === undefined ? [] : connectingNodes(local, placeOf(standing));
  const written = nodes.filter(
    ({ agent }) =>
      agent.state === 'online' &&
      agent.facts.keystore.entries?.some(
        ({ name, reference }) => name === credentialEntry(standing.alias) && reference === null,
      ),
  );
  return written.length === 0
    ? []
    : [
        `Somebody else wrote the key of ${connectionName(standing)} into the keystore of ${written.map(({ name }) => name).join(', ')}: the new one takes its place.`,
      ];
};

const broken = ({ standing, current }: KeyRotation, { problems }: KeyRotationFacts): string[] => {
  const problem = problems.get(connectionName(standing)) ?? null;
  return problem === null || !current?.usable
    ? []
    : [
        `The connection ${connectionName(standing)} does not work now (${problem}): where the new key does not mend that, all is put back.`,
      ];
};

/** What a person should know before this is carried out. */
export const keyRotationWarnings = (
  rotations: readonly KeyRotation[],
  steps: readonly AnyStep[],
  facts: KeyRotationFacts,
): string[] => [
  ...awayWarnings(steps),
  ...rotations.flatMap((one) => [
    ...ofKey(one),
    ...ofMetadata(one),
    ...ofIdentity(one),
    ...foreignEntries(one),
    ...broken(one, facts),
  ]),
];
