import { RemoraError } from '@remora/shared/errors.ts';
import { closeCodes } from '@remora/shared/protocol/limits.ts';
import type { WebSocket } from 'ws';
import { type NodeId, nodeKey } from '../../plan/node/node-id.ts';
import type { WakeUp } from '../wake-ups.ts';
import type { Peer } from './admission.ts';
import { AgentConnection, type ConnectionParts, type OpenSession } from './agent-connection.ts';

/** The sockets that this coordinator holds. */
export interface SessionHub {
  accept(socket: WebSocket, peer: Peer): void;
  /** The newest session of a node here, unless its agent is draining or its node not verified yet. */
  find(node: NodeId): OpenSession | null;
  /** Tells each agent what it does not know of the fleet CA, and asks as many of these (CLUSTER/NODE) to renew as may at once. */
  talkOfFleetCas(toRenew: ReadonlySet<string>): void;
  /** Closes all with `draining`, and by force what is open after `limitMs`; their sessions are recorded as over when it resolves. */
  drain(limitMs: number): Promise<void>;
}

/** Every second, by who rotates the fleet CA: a key is made and a certificate signed for each. */
const RENEWALS_AT_ONCE = 20;

const obey = (wakeUp: WakeUp, connection: AgentConnection): void => {
  if (wakeUp.kind === 'superseded' && connection.node === wakeUp.node) connection.supersede(wakeUp.epoch);
  if (wakeUp.kind === 'revoked' && connection.node === wakeUp.node) {
    if (wakeUp.fingerprint === null || wakeUp.fingerprint === connection.peer.fingerprint) {
      connection.refuse(new RemoraError('not-allowed', "The agent's certificate was revoked."));
    }
  }
};

export const openSessionHub = (parts: ConnectionParts): SessionHub => {
  const connections = new Set<AgentConnection>();
  const newest = new Map<string, AgentConnection>();
  parts.wakeUps.listen((wakeUp) => {
    for (const connection of connections) obey(wakeUp, connection);
  });
  const onReady = (connection: AgentConnection): void => {
    // Two sessions of one node may open at once, and the older one be done with it last.
    const known = newest.get(connection.node)?.epoch ?? 0;
    if ((connection.epoch ?? 0) > known) newest.set(connection.node, connection);
    void parts.wakeUps
      .toAll({ kind: 'session', node: connection.node })
      .catch((reason: unknown) => parts.log.warn({ reason: String(reason) }, 'a new session could not be announced'));
  };
  return {
    accept(socket, peer) {
      const connection = new AgentConnection(socket, peer, parts, onReady);
      connections.add(connection);
      void connection.closed.then(() => {
        connections.delete(connection);
        if (newest.get(connection.node) === connection) newest.delete(connection.node);
      });
    },
    find: (node) => newest.get(nodeKey(node))?.deliverable() ?? null,
    talkOfFleetCas(toRenew) {
      let asked = 0;
      for (const connection of connections) {
        if (connection.talkOfFleetCas(asked < RENEWALS_AT_ONCE && toRenew.has(connection.node))) asked += 1;
      }
    },
    async drain(limitMs) {
      const all = [...connections];
      for (const connection of all) connection.close(closeCodes.draining, 'this coordinator is stopping');
      const force = setTimeout(() => {
        for (const connection of all) connection.terminate();
      }, limitMs);
      await Promise.all(all.map(({ closed }) => closed));
      clearTimeout(force);
    },
  };
};
