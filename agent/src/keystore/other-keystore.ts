import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { KEYSTORE } from './tool.ts';

/**
 * Packaged wrappers (`bin/elasticsearch-env`) source /etc/default/elasticsearch or /etc/sysconfig/elasticsearch, and an ES_PATH_CONF there wins over
 * the environment that the agent gives. Then the tool works on another node's keystore. This finds that directory before anything is written.
 */
const sourcedFiles = (script: string): string[] =>
  [...script.matchAll(/(?:^|[;&\s])(?:source|\.)\s+"?(\/[^\s"';]+)"?/gm)].flatMap((match) => match[1] ?? []);

const pathConfOf = (environmentFile: string): string | null => {
  const lines = [...environmentFile.matchAll(/^\s*(?:export\s+)?ES_PATH_CONF=("[^"]*"|'[^']*'|\S*)/gm)];
  const value = lines.at(-1)?.[1]?.replace(/^["']|["']$/g, '');
  return value ? value : null;
};

const readOr = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/** The configuration directory that the wrapper's environment file forces, when it is another than this node's; with the file that says so. */
export const forcedConfigDir = async (
  home: string,
  configDir: string,
): Promise<{ configDir: string; environmentFile: string } | null> => {
  const scripts = await Promise.all(
    ['elasticsearch-env', 'elasticsearch-keystore', 'elasticsearch-cli'].map((name) => readOr(join(home, 'bin', name))),
  );
  for (const environmentFile of new Set(scripts.flatMap(sourcedFiles))) {
    const forced = pathConfOf(await readOr(environmentFile));
    if (forced === null) continue;
    const real = await realpath(forced).catch(() => forced);
    if (real !== configDir) return { configDir: real, environmentFile };
  }
  return null;
};

const realOf = (path: string): Promise<string> => realpath(path).catch(() => path);

/** Keystores of other nodes on which a wrapper may work by mistake, as far as one can think of them: where its environment leads, and where defaults do. */
export const otherKeystores = async (home: string, configDir: string): Promise<readonly string[]> => {
  const forced = await forcedConfigDir(home, configDir);
  const named = [forced?.configDir, process.env.ES_PATH_CONF, join(home, 'config'), '/etc/elasticsearch'];
  const real = await Promise.all(named.flatMap((directory) => (directory ? [realOf(directory)] : [])));
  const own = await realOf(configDir);
  return [...new Set(real)].filter((directory) => directory !== own).map((directory) => join(directory, KEYSTORE));
};
