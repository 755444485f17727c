import type { NodeId } from './node-id.ts';
import { keptVersion } from './secret-versions.ts';
import type { ServingPurpose } from './ssl.ts';

/**
 * A node's name as a part of a secret's name. `node.name` is free text, a secret's name is not: what does not fit stands as its code point between
 * slashes, which no node's name has, so that two nodes never share a secret.
 */
const nodePart = (node: string): string =>
  node.replace(/[^A-Za-z0-9._-]/gu, (character) => `/${character.codePointAt(0)?.toString(16)}/`);

/** Names of secrets. */
interface ServerSecrets {
  readonly p12: string;
  readonly password: string;
  /** Of a port with PEM files: the certificate with its chain, and the key. */
  readonly certificate: string;
  readonly key: string;
}

/** Where the secrets of what a port of a node serves lie. */
export const serverSecrets = ({
  cluster,
  node,
  purpose,
}: NodeId & { readonly purpose: ServingPurpose }): ServerSecrets => {
  const base = `node/${cluster}/${nodePart(node)}/${purpose.replaceAll('_', '-')}`;
  return {
    ...{ p12: `${base}/p12`, password: `${base}/password` },
    ...{ certificate: `${base}/certificate`, key: `${base}/key` },
  };
};

/** Where the file with which a node signs lies, and its password. */
export const signingSecrets = ({ cluster, node, alias }: NodeId & { readonly alias: string }) => {
  const base = `node/${cluster}/${nodePart(node)}/signing/${alias}`;
  return { p12: `${base}/p12`, password: `${base}/password` };
};

/** Where the password of a protected keystore is looked for, the node's own first. */
export const keystorePasswordNames = (cluster: string, node: string): readonly [string, string] => [
  `keystore-password/${cluster}/${nodePart(node)}`,
  `keystore-password/${cluster}`,
];

/** Where the passphrase of an encrypted PEM key is looked for, which people set as `secure_key_passphrase`; the node's own first. */
export const keyPassphraseNames = (cluster: string, node: string): readonly [string, string] => [
  `key-passphrase/${cluster}/${nodePart(node)}`,
  `key-passphrase/${cluster}`,
];

/** Reference of the newest version of that passphrase; null where there is none. */
export const latestPassphrase = (
  { cluster, node }: NodeId,
  versions: Readonly<Record<string, number>>,
): string | null => {
  const name = keyPassphraseNames(cluster, node).find((one) => keptVersion(versions, one) !== null);
  return name === undefined ? null : `secret:${name}@${versions[name]}`;
};
