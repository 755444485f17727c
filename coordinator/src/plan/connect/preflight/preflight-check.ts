import type { ErrorCode } from '@remora/shared/errors.ts';
import { type ConnectRequest, isSigned } from '@remora/shared/model/requests/connect-request.ts';
import { placeOf } from '../../connection/alias-place.ts';
import { hasOwnLines } from '../../connection/static-alias.ts';
import { isSeen } from '../../connection/unseen-cluster.ts';
import type { ClusterObservation, ConnectFacts, NodeObservation } from '../../facts.ts';
import { connectingNodes } from '../../node/nodes.ts';
import { mayBeSigning } from '../../signing/signing-wish.ts';
import type { ServerWish } from '../wanted.ts';

export interface PreflightInput {
  readonly facts: ConnectFacts;
  readonly request: ConnectRequest;
  readonly servers: readonly ServerWish[];
  /** ISO 8601. */
  readonly now: string;
}

/** One condition of a connection: `run` answers a sentence for each place where it does not hold. */
export interface Check {
  readonly code: ErrorCode;
  /** What it demands, for the documentation. */
  readonly demands: string;
  readonly run: (input: PreflightInput) => readonly string[];
}

const both = ({ facts: { remote, local } }: PreflightInput): readonly ClusterObservation[] =>
  [remote, local].filter(isSeen);

export const eachCluster = (input: PreflightInput, look: (cluster: ClusterObservation) => string | null): string[] =>
  both(input).flatMap((cluster) => look(cluster) ?? []);

type NodeLook = (node: NodeObservation, cluster: ClusterObservation) => string | null;

export const eachNode = (input: PreflightInput, look: NodeLook): string[] =>
  both(input).flatMap((cluster) => cluster.nodes.flatMap((node) => look(node, cluster) ?? []));

/** Local nodes that connect by the alias as it is wanted, or as it is on record, and those that an earlier run was to take it from and that have it still. */
const placedNodes = ({ facts: { connections, local }, request }: PreflightInput): NodeObservation[] => {
  const { alias } = request;
  const standing = connections.find((one) => one.local === request.local && one.alias === alias);
  return local.nodes.filter(
    (node) =>
      [request, ...(standing === undefined ? [] : [standing])].some((one) =>
        connectingNodes(local, placeOf(one)).includes(node),
      ) || hasOwnLines({ local, alias, found: standing?.found }, node),
  );
};

/**
 * Nodes that a connection needs something of: all remote ones, and the local ones that connect by it, or did. The others are left alone, unless requests are signed: every
 * node has to find the file that the settings of its cluster name.
 */
export const eachTouchedNode = (input: PreflightInput, look: NodeLook): string[] => {
  const { remote, local } = input.facts;
  const touched =
    isSigned(input.request) || mayBeSigning(input.facts, input.request) ? local.nodes : placedNodes(input);
  return [
    ...remote.nodes.flatMap((node) => look(node, remote) ?? []),
    ...touched.flatMap((node) => look(node, local) ?? []),
  ];
};
