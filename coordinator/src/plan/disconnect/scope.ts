import type { DisconnectRequest } from '@remora/shared/model/requests/disconnect-request.ts';
import { bundledConnections } from '../connection/adopted.ts';
import { loadedLines, placeOf, standingLines } from '../connection/alias-place.ts';
import {
  type AnyConnectionRecord,
  adoptedIn,
  casOf,
  isForeign,
  keyConnections,
} from '../connection/connection-records.ts';
import { hasOwnLines } from '../connection/static-alias.ts';
import type { PlanContext } from '../context.ts';
import type { NodeObservation } from '../facts.ts';
import { foundIn, foundOf } from '../node/found-settings.ts';
import { nodeKey } from '../node/node-id.ts';
import { sslPrefix } from '../node/ssl.ts';
import { rollOrder } from '../order.ts';
import { mayBeSigning } from '../signing/signing-wish.ts';
import { neededCas } from '../trust/ca-bundle.ts';
import type { DisconnectFacts } from './facts.ts';
import { handMadeAliases } from './hand-made.ts';

/** The setting that `connect` adds on each node whose server it turns on. */
export const KEYSTORE = `${sslPrefix.remote_cluster_server}.keystore.path`;

/** What goes, and what stays because something else needs it or somebody wants it kept. */
export interface Scope {
  readonly request: DisconnectRequest;
  readonly facts: DisconnectFacts;
  readonly context: PlanContext;
  /** CAs that other connections of the local cluster need; null when there is no other connection. */
  readonly bundle: readonly string[] | null;
  /** The CA file of the local nodes goes, with its settings. */
  readonly dropsTrust: boolean;
  /** The remote cluster server of those remote nodes goes on which Remora turned it on. */
  readonly dropsServer: boolean;
  /** Requests are signed, or were until a run that turned it off came no further. */
  readonly signs: boolean;
}

const isSame = (a: AnyConnectionRecord, b: AnyConnectionRecord): boolean => a.local === b.local && a.alias === b.alias;

/** Other connections whose local cluster is the same and whose CAs are in its CA file, and others that lead to the same remote cluster. */
export const neighbours = ({ connections, connection }: Pick<DisconnectFacts, 'connections' | 'connection'>) => {
  const others = connections.filter((one) => !isSame(one, connection));
  return {
    local: others.filter((one) => one.local === connection.local && casOf(one).length > 0),
    remote: isForeign(connection) ? [] : keyConnections(others).filter(({ remote }) => remote === connection.remote),
  };
};

/** Nodes of the remote cluster whose server Remora turned on, by what is on record: one that was there before stays, whosever certificate it serves. */
export const servesByUs = ({ connection }: Pick<DisconnectFacts, 'connection'>): string[] =>
  isForeign(connection)
    ? []
    : [...foundIn(connection.found, connection.remote)]
        .filter(([, settings]) => KEYSTORE in settings)
        .map(([node]) => node.slice(connection.remote.length + 1));

export const scopeOf = (request: DisconnectRequest, facts: DisconnectFacts, context: PlanContext): Scope => {
  const { remote, ...others } = neighbours(facts);
  const local = bundledConnections(others.local, facts.local, facts.cas);
  return {
    ...{ request, facts, context },
    bundle: local.length === 0 ? null : neededCas(facts.cas, local),
    dropsTrust:
      request.localGone !== true &&
      local.length === 0 &&
      request.keepTrust !== true &&
      adoptedIn(facts.connection)?.trust !== true &&
      casOf(facts.connection).length > 0,
    dropsServer:
      request.remoteGone !== true && remote.length === 0 && request.keepServer !== true && servesByUs(facts).length > 0,
    signs: mayBeSigning(facts, facts.connection),
  };
};

/** Nodes of the local cluster that have an agent: whatever Remora put on a node is there. */
export const localNodes = ({ facts }: Scope): NodeObservation[] =>
  rollOrder(facts.local.nodes).filter(({ agent }) => agent.state !== 'missing');

/** Whether the alias stands in elasticsearch.yml of a node, or in what its process has read there, and goes. Where it is for the whole cluster, lines of others stay. */
export const hasLines = ({ facts }: Scope, node: NodeObservation): boolean => {
  const { connection, local } = facts;
  if (node.agent.state !== 'online') return false;
  const { alias, found } = connection;
  return placeOf(connection).kind === 'files'
    ? [standingLines, loadedLines].some((look) => Object.keys(look(node, alias)).length > 0)
    : hasOwnLines({ local, alias, found }, node);
};

const isAway = ({ agent }: NodeObservation): boolean => agent.state === 'offline';

/** Nodes whose agents are away, or that are not in their cluster at this moment, by name. */
export const awayOf = (cluster: DisconnectFacts['local']): string[] => [
  ...rollOrder(cluster.nodes)
    .filter(isAway)
    .map(({ name }) => name),
  ...cluster.absentNodes.toSorted(),
];

/** Whether the CA file is to lose a CA that this connection alone needed. */
const losesCa = ({ facts, bundle }: Scope): boolean => {
  if (bundle === null || bundle.length === 0 || handMadeAliases(facts).length > 0) return false;
  return neededCas(facts.cas, [facts.connection]).some((name) => !bundle.includes(name));
};

/** Whether Remora ever wrote the alias into elasticsearch.yml of a node, by what is on record: it may stand there while nobody can look. */
const mayHaveLines = ({ facts: { connection, local } }: Scope, node: string): boolean =>
  Object.keys(foundOf(connection.found, nodeKey({ cluster: local.name, node }))).some((name) =>
    name.startsWith(`cluster.remote.${connection.alias}.`),
  );

/** Nodes that were not seen and may have something left once all else is done: the connection stays on record for them. */
export const leftNodes = (scope: Scope): { readonly local: readonly string[]; readonly remote: readonly string[] } => {
  const { request, facts, dropsTrust, dropsServer, signs } = scope;
  const ours = servesByUs(facts);
  const isStatic = placeOf(facts.connection).kind === 'files';
  return {
    local: awayOf(facts.local).filter(
      (name) => isStatic || dropsTrust || signs || losesCa(scope) || mayHaveLines(scope, name),
    ),
    remote: awayOf(facts.remote).filter(
      (name) => (dropsServer && ours.includes(name)) || (signs && request.remoteGone !== true),
    ),
  };
};
