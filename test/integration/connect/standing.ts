import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { keystoreEntries } from '../../../agent/src/keystore/entries.ts';
import type { EsNode } from '../../elasticsearch/node.ts';

/** One node as a connection may change it. */
interface StandingNode {
  /** Each file of its configuration with owner, mode and bytes; of a keystore, whose bytes are others after each write, without them. */
  readonly files: Record<string, { readonly owner: string; readonly mode: string; readonly bytes: string | null }>;
  readonly entries: Record<string, string>;
}

const KEYSTORE = 'elasticsearch.keystore';

/** Names of a node's keystore with their values, sorted. */
const entriesOf = ({ configDir }: EsNode, password?: string): Record<string, string> =>
  Object.fromEntries(
    [...keystoreEntries(readFileSync(join(configDir, KEYSTORE)), password)]
      .map(([name, value]) => [name, value.toString('latin1')])
      .sort(),
  );

export const standingNode = (node: EsNode, password?: string): StandingNode => {
  const paths = readdirSync(node.configDir, { recursive: true, encoding: 'utf8' }).sort();
  const files = paths.map((path) => {
    const stat = statSync(join(node.configDir, path));
    const hasBytes = stat.isFile() && path !== KEYSTORE;
    const bytes = hasBytes ? readFileSync(join(node.configDir, path), 'latin1') : null;
    return [path, { owner: `${stat.uid}:${stat.gid}`, mode: stat.mode.toString(8), bytes }];
  });
  return { files: Object.fromEntries(files), entries: entriesOf(node, password) };
};
