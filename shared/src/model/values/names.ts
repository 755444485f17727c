import { RemoraError } from '../../errors.ts';

const refuse = (message: string): never => {
  throw new RemoraError('bad-input', message);
};

/** Aliases that Elasticsearch takes, and what stands under that name beside `cluster.remote.ALIAS.*`. */
const TAKEN_ALIASES: ReadonlyMap<string, string> = new Map([
  ['signing', 'cluster.remote.signing.* holds the trust settings of strong identity verification'],
  ['node', 'cluster.remote.node.attr says which remote nodes are connected to, for all connections'],
  ...['initial_connect_timeout', 'connections_per_cluster', 'max_pending_connection_listeners'].map(
    (name) => [name, `cluster.remote.${name} is a setting of the node, for all connections`] as const,
  ),
]);

/**
 * A remote cluster's alias as Elasticsearch takes it. Names of what stands beside the aliases are refused: to remove or to look for `cluster.remote.signing.*` would meet
 * the trust settings, and no nested elasticsearch.yml holds both.
 */
export const parseAlias = (text: string): string => {
  if (!/^[A-Za-z0-9_-]{1,100}$/.test(text)) {
    return refuse(
      `"${text}" is not an alias: Elasticsearch takes letters, digits, "-" and "_" only, and here at most 100 of them.`,
    );
  }
  const taken = TAKEN_ALIASES.get(text);
  return taken === undefined ? text : refuse(`"${text}" cannot be an alias: ${taken}. Choose another one.`);
};

/** What appears in file names, keys and secret names. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

/** The name under which Remora knows a cluster: it appears in file names, keys and secret names. */
export const parseClusterName = (text: string): string =>
  PLAIN_NAME.test(text)
    ? text
    : refuse(
        `"${text}" is not a cluster name: use 1 to 63 letters, digits, "-" and "_", beginning with a letter or digit.`,
      );

export const isCaName = (text: string): boolean => PLAIN_NAME.test(text);

/** The name under which Remora knows a CA: it appears in file names and secret names. */
export const parseCaName = (text: string): string =>
  isCaName(text)
    ? text
    : refuse(
        `"${text}" is not the name of a CA: use 1 to 63 letters, digits, "-" and "_", beginning with a letter or digit.`,
      );

/** The name of a schedule: it appears in actors and keys. */
export const parseScheduleName = (text: string): string =>
  PLAIN_NAME.test(text)
    ? text
    : refuse(
        `"${text}" is not the name of a schedule: use 1 to 63 letters, digits, "-" and "_", beginning with a letter or digit.`,
      );

/** A node's `node.name`: free text in Elasticsearch, but without what would break a list, a path or a line. */
export const parseNodeName = (text: string): string =>
  /^[^\s/,\p{Cc}]{1,255}$/u.test(text)
    ? text
    : refuse(`"${text}" is not a node name: 1 to 255 characters without blanks, "/" and ",".`);

/** An API key's name by Elasticsearch's own rules. */
export const parseApiKeyName = (text: string): string =>
  text.length >= 1 && text.length <= 256 && text === text.trim() && !text.startsWith('_')
    ? text
    : refuse(`"${text}" is not an API key name: 1 to 256 characters, no blank at either end, no leading "_".`);

/** A file name that is safe to make of a name: anything but letters, digits, ".", "-" and "_" becomes "-". */
export const fileNameOf = (name: string): string => name.replace(/[^A-Za-z0-9._-]/g, '-');
