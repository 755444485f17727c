import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { identityOf } from '../../../agent/src/system/process-table.ts';

/**
 * What the nodes of one cheap cluster share: files in a directory. `state.json` is what a cluster state and the security index are in Elasticsearch,
 * `nodes/NAME.json` says that a node runs, `effects.jsonl` has a line for everything that changed something, in order.
 */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly secret: string;
  readonly type: 'cross_cluster';
  readonly creation: number;
  readonly expiration: number | null;
  readonly access: unknown;
  readonly username: string;
  readonly metadata: unknown;
  /** What the subject of a signing certificate must match; null demands none. */
  readonly certificate_identity: string | null;
  invalidated: boolean;
}

export type Flat = Record<string, string | string[]>;

export interface ClusterState {
  readonly uuid: string;
  readonly persistent: Flat;
  readonly transient: Flat;
  readonly keys: ApiKey[];
  /** By name, as they were written. */
  readonly roles: Record<string, object>;
  readonly users: Record<string, object>;
}

/** A running node, as the others see it. */
export interface LiveNode {
  readonly name: string;
  readonly id: string;
  readonly pid: number;
  readonly identity: string;
  readonly startedAtMs: number;
  readonly httpPort: number;
  /** `elasticsearch.yml` as the process read it; what Elasticsearch filters is left out. */
  readonly settings: Flat;
  /** Port of its remote cluster server; null when that is off. */
  readonly remotePort: number | null;
  /** Its transport port; null where it does not speak TLS there, and nothing listens. */
  readonly transportPort: number | null;
}

/** Times are ms since 1970. `caller` is the process that asked, where one did. */
export interface Effect {
  readonly at: number;
  readonly node: string;
  readonly what: 'start' | 'stop' | 'settings' | 'key.create' | 'key.update' | 'key.end' | 'principal' | 'reload';
  readonly detail: string;
  readonly caller: number | null;
}

export const idOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);

const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

export const openState = (directory: string) => {
  const stateFile = join(directory, 'state.json');
  const nodesDir = join(directory, 'nodes');
  const effectsFile = join(directory, 'effects.jsonl');
  const read = (): ClusterState => JSON.parse(readFileSync(stateFile, 'utf8'));
  const replace = (path: string, value: unknown): void => {
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(value));
    renameSync(`${path}.${process.pid}`, path);
  };
  /** One writer at a time, across the node processes. */
  const change = <T>(act: (state: ClusterState) => T): T => {
    const lock = `${stateFile}.lock`;
    for (;;) {
      try {
        closeSync(openSync(lock, 'wx'));
        break;
      } catch {
        pause(2);
      }
    }
    try {
      const state = read();
      const result = act(state);
      replace(stateFile, state);
      return result;
    } finally {
      unlinkSync(lock);
    }
  };
  return {
    read,
    change,
    announce: (node: LiveNode): void => replace(join(nodesDir, `${node.name}.json`), node),
    leave: (name: string): void => rmSync(join(nodesDir, `${name}.json`), { force: true }),
    /** The nodes that run now, by name. */
    nodes: (): LiveNode[] =>
      readdirSync(nodesDir)
        .filter((file) => file.endsWith('.json'))
        .sort()
        .flatMap((file) => {
          try {
            return [JSON.parse(readFileSync(join(nodesDir, file), 'utf8')) as LiveNode];
          } catch {
            return []; // it has just left
          }
        })
        .filter((node) => identityOf(node.pid) === node.identity),
    /** Pids of the coordinators and agents that may call: they stand in a file beside the cluster. */
    callers: (): number[] => JSON.parse(readFileSync(join(directory, '..', 'callers.json'), 'utf8')),
    note: (effect: Effect): void => appendFileSync(effectsFile, `${JSON.stringify(effect)}\n`),
  };
};
export type SharedState = ReturnType<typeof openState>;

/** Everything that was changed so far in a cheap cluster. */
export const effectsOf = (directory: string): Effect[] =>
  readFileSync(join(directory, 'effects.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Effect);
