import type { FromCoordinator } from '@remora/shared/protocol/messages.ts';
import type { FleetCas } from '../../pki/fleet-ca/fleet-cas.ts';
import { nodeKey } from '../../plan/node/node-id.ts';
import type { Inventory } from '../../store/inventory.ts';
import type { Peer } from './admission.ts';

/** What a session says of the fleet CA, for its agent to follow a rotation. */
export interface FleetCaTalk {
  /** The agent said what it trusts; null where it is of a release that cannot be told. Recorded when it resolves. */
  heard(fingerprints: readonly string[] | null): Promise<void>;
  /** Tells what the agent is to trust, unless it does. */
  tell(): void;
  /** Asks it to renew by the CA that signs now, once it trusts that one; answers whether it was asked just now. */
  askToRenew(): boolean;
}

/** An agent that did not answer is told or asked again. */
const AGAIN_MS = 30_000;
/** Those that are asked at once do not come at once. */
const SPREAD_MS = 2000;

/** Opens the talk of a session. */
export type OpenFleetCaTalk = (peer: Peer, send: (message: FromCoordinator) => void) => FleetCaTalk;

export const fleetCaTalks = (parts: {
  readonly fleetCas: Pick<FleetCas, 'state' | 'vouchers' | 'isBehind'>;
  readonly nodes: Pick<Inventory['nodes'], 'change'>;
}): OpenFleetCaTalk => {
  const { fleetCas, nodes } = parts;
  return (peer, send) => {
    let trusts: readonly string[] | null = null;
    let told = { what: '', atMs: 0 };
    let asked = { by: '', atMs: 0 };
    return {
      async heard(fingerprints) {
        trusts = fingerprints;
        await nodes.change(nodeKey(peer.node), ({ fleetCas: _, ...record }) =>
          fingerprints === null ? record : { ...record, fleetCas: fingerprints },
        );
      },
      tell() {
        if (fleetCas.isBehind()) return;
        const { trusted } = fleetCas.state();
        const what = trusted.map(({ fingerprint256 }) => fingerprint256).join();
        if (trusts === null || trusts.join() === what) return;
        if (told.what === what && performance.now() - told.atMs < AGAIN_MS) return;
        told = { what, atMs: performance.now() };
        const certificatesPem = trusted.map(({ certificatePem }) => certificatePem);
        send({ type: 'trust', certificatesPem, vouchers: fleetCas.vouchers() });
      },
      askToRenew() {
        const by = fleetCas.state().signing.fingerprint256;
        if (!trusts?.includes(by)) return false;
        if (asked.by === by && performance.now() - asked.atMs < AGAIN_MS) return false;
        asked = { by, atMs: performance.now() };
        send({ type: 'renew-soon', withinMs: SPREAD_MS });
        return true;
      },
    };
  };
};
