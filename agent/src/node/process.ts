import { statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  allPids,
  argumentsOf,
  identityOf,
  isAlive,
  listenersOn,
  listensOn,
  parentOf,
  pidOf,
  variableOf,
} from '../system/process-table.ts';
import { realPathOf } from '../system/real-path.ts';

/** Finds the Elasticsearch process of this node. Several ways, since an agent must see nodes of packages, of archives, in containers and in tests alike. */
export interface NodeProcess {
  /** `PID:STARTTICKS` of the running node, null when none runs. While a node starts, this may first be its launcher. */
  current(): Promise<string | null>;
  /** The node's server, whether it listens already or not; null while there is only a launcher. */
  server(): string | null;
  /** JVMs of Elasticsearch for this configuration directory: the server first, its launcher last. */
  candidates(): string[];
  /** Whether this process listens on the node's HTTP port; also true where the agent's user may not see what it listens on. */
  serves(identity: string): boolean;
}

const isJava = (args: readonly string[]): boolean => basename(args[0] ?? '') === 'java';

/**
 * The JVM that is the node. Much else carries ES_PATH_CONF or -Des.path.conf: shells, editors, `elasticsearch-reset-password`, the launcher. A main class
 * of somebody else's around Elasticsearch is known by the property that a server gets from its launcher.
 */
const isServer = (args: readonly string[]): boolean =>
  isJava(args) &&
  (args.some((arg) => /^(org\.elasticsearch\.server\/)?org\.elasticsearch\.bootstrap\.Elasticsearch$/.test(arg)) ||
    (args.some((arg) => arg.startsWith('-Des.distribution.type=')) &&
      !args.some((arg) => arg.startsWith('org.elasticsearch.'))));

/** From 8.3 on `bin/elasticsearch` is a JVM that starts the server and, in the foreground, lives a moment longer. */
const isLauncher = (args: readonly string[]): boolean => isJava(args) && args.includes('-Dcli.name=server');

/** The directory itself, whatever its path; null where it cannot be looked at. */
const inodeOf = (path: string): string | null => {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
};

const PATH_CONF = '-Des.path.conf=';

/** The configuration directory that a process names; null for a server that was started with the default of its home, which names none. */
const configDirOf = (pid: number): string | null => {
  const args = argumentsOf(pid);
  const named = args.find((arg) => arg.startsWith(PATH_CONF))?.slice(PATH_CONF.length);
  const path = named ?? variableOf(pid, 'ES_PATH_CONF');
  if (path !== null) return path;
  const parent = parentOf(pid);
  return parent !== null && isLauncher(argumentsOf(parent)) ? configDirOf(parent) : null;
};

/**
 * Whether a process names this directory. In a container it sees it at another path, and another one at this path, so it is what stands there that counts,
 * and the path only where the agent's user may not look.
 */
const isFor = (pid: number, configDir: string): boolean => {
  const path = configDirOf(pid);
  if (path === null) return false;
  const inode = inodeOf(`/proc/${pid}/root${path}`);
  return inode === null ? realPathOf(path) === realPathOf(configDir) : inode === inodeOf(configDir);
};

const portOf = (url: string): number => {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
};

/** Who listens on the node's port and is its node. What names no directory counts only if it is a server: on that port may also be a proxy, or another node. */
const listener = (port: number, configDir: string): string | null => {
  const pids = listenersOn(port);
  const own = pids.find((pid) => isFor(pid, configDir));
  const pid = own ?? pids.find((other) => isServer(argumentsOf(other)) && configDirOf(other) === null);
  return pid === undefined ? null : identityOf(pid);
};

export const findNodeProcess = (options: {
  configDir: string;
  url: string;
  mainPid: () => Promise<number | null>;
}): NodeProcess => {
  const { configDir } = options;
  const port = portOf(options.url);
  // Only a process that listens is remembered: it cannot turn out to be another one's.
  let listening: string | null = null;

  const ofKind = (isKind: (args: readonly string[]) => boolean): string[] =>
    allPids()
      .filter((pid) => isKind(argumentsOf(pid)) && isFor(pid, configDir))
      .flatMap((pid) => identityOf(pid) ?? []);

  const server = (): string | null => {
    if (listening !== null && isAlive(listening)) return listening;
    listening = listener(port, configDir);
    return listening ?? ofKind(isServer)[0] ?? null;
  };

  return {
    server,
    candidates: () => [...ofKind(isServer), ...ofKind(isLauncher)],
    serves: (identity) => listensOn(pidOf(identity), port) !== false,
    async current() {
      const found = server() ?? ofKind(isLauncher)[0];
      if (found !== undefined) return found;
      const main = await options.mainPid();
      return main === null ? null : identityOf(main);
    },
  };
};

export const processFacts = (identity: string | null) =>
  identity === null ? { running: false, pid: null } : { running: true, pid: pidOf(identity) };
