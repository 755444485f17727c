import type { FleetRotation, FleetRotationPhase, FleetStatus } from '@remora/shared/model/fleet.ts';
import { nodeKey } from '../plan/node/node-id.ts';
import type { NodeRecord } from '../store/records.ts';

/** What an agent has to do before the rotation can go on; null when it has done it. The script that goes on looks at the same (rotation-record.ts). */
const missing = (node: NodeRecord, phase: FleetRotationPhase, newCa: string): string | null => {
  const trusts = node.fleetCas?.includes(newCa) ?? false;
  if (phase === 'drop') return null;
  if (phase === 'back') {
    const holds = node.certificateIssuer === newCa || node.renewedCertificate?.issuer === newCa;
    return holds ? 'holds a certificate of the new CA, and has to renew it' : null;
  }
  if (!trusts) {
    if (node.lastSeen === null) return 'joined, and was never connected';
    return node.fleetCas === undefined
      ? 'did not say yet whom it trusts: one that is connected is of an earlier release, update it'
      : 'does not trust the new CA yet';
  }
  return phase === 'renew' && node.certificateIssuer !== newCa ? 'has no certificate of the new CA yet' : null;
};

const named = (node: NodeRecord, online: Pick<ReadonlySet<string>, 'has'>, reason: string) => {
  const { cluster, lastSeen } = node;
  return { cluster, node: node.node, online: online.has(nodeKey(node)), lastSeen, reason };
};

/** The agents that do not trust exactly the fleet CA, while none is taking its place. Those of earlier releases say nothing, and are not named. */
export const behindOf = (
  nodes: readonly NodeRecord[],
  online: Pick<ReadonlySet<string>, 'has'>,
  ca: string,
): FleetStatus['behind'] =>
  nodes.flatMap((node) => {
    if (node.fleetCas === undefined || node.fleetCas.join() === ca) return [];
    const reason = node.fleetCas.includes(ca)
      ? 'trusts a fleet CA yet that is not in use any more'
      : 'does not trust the fleet CA: join it again';
    return [named(node, online, reason)];
  });

/** The agents without which the rotation does not go on. `online`: CLUSTER/NODE of those that are connected. */
export const waitedFor = (
  nodes: readonly NodeRecord[],
  online: Pick<ReadonlySet<string>, 'has'>,
  { phase, newCa }: { readonly phase: FleetRotationPhase; readonly newCa: string },
): FleetRotation['waitingFor'] =>
  nodes.flatMap((node) => {
    const reason = missing(node, phase, newCa);
    return reason === null ? [] : [named(node, online, reason)];
  });
