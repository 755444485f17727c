import { inCluster } from '../connection/alias-place.ts';
import { isLiving } from '../keys/cluster-key.ts';
import { credentialEntry, keyNameOf } from '../keys/key-names.ts';
import { createKeyStep, inUseStep, newKeyNodeSteps, proveKeyStep } from '../keys/new-key.ts';
import { connectingNodes } from '../node/nodes.ts';
import type { AnyStep } from '../steps.ts';
import type { Adoption } from './adoption.ts';

/** Whether every node has Remora's key, in its keystore and in use. */
const isInPlace = ({ facts, standing, replacement: { next } }: Adoption): boolean => {
  if (!standing || next?.record.secret !== standing.keySecret) return false;
  const name = credentialEntry(standing.alias);
  const inKeystores = connectingNodes(facts.local, inCluster).every(
    ({ agent }) =>
      agent.state === 'online' &&
      agent.facts.keystore.entries?.some((entry) => entry.name === name && entry.reference === standing.keySecret),
  );
  return inKeystores && facts.used.every(({ id }) => id === null || id === next.record.id);
};

/** A new key that grants the same, in every keystore, proven. What is missing of a connection that Remora made is `connect`'s to bring. */
export const keySteps = (adoption: Adoption): AnyStep[] => {
  const { facts, replacement, standing } = adoption;
  if (isInPlace(adoption) || (standing && !standing.adopted)) return [];
  return [
    ...createKeyStep(replacement, keyNameOf(replacement.connection)),
    ...newKeyNodeSteps([replacement], facts),
    proveKeyStep(replacement, 'prove', 'the new key must work from every node'),
    inUseStep(replacement),
  ];
};

/** The key that the nodes had, where it is asked for and lets somebody in still. */
export const revokeSteps = ({ request, before, remote, replacement }: Adoption, now: string): AnyStep[] => {
  if (request.revokeOld !== true || !before || !isLiving(before, Date.parse(now))) return [];
  const { id, name } = before;
  return [
    {
      ...{ id: `revoke-key-${id}`, kind: 'api-key.revoke', target: remote.name, effect: 'api', stage: 'retire' },
      reason: 'every node has proven the new key',
      ...{ diff: `- key ${name} (${id})`, input: { cluster: remote.name, id } },
    },
    proveKeyStep(replacement, 'prove-again', 'the connection must work without the key that it had'),
  ];
};
