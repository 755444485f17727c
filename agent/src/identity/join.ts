import { readFile, rm } from 'node:fs/promises';
import { text as readStream } from 'node:stream/consumers';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { parseJoinToken } from '@remora/shared/protocol/join-token.ts';
import type { AgentConfig } from '../checks.ts';
import { readConfig, writeConfig } from '../config.ts';
import { type DataDirectory, openDataDirectory } from '../data-directory.ts';
import { openFence } from '../fence.ts';
import { discoverNode, type NodeOptions } from '../node/discover.ts';
import { findNodeProcess, processFacts } from '../node/process.ts';
import { ANSWER_LIMIT_MS, waitForAnswer } from '../node/restart.ts';
import { splitCommand } from '../system/commands.ts';
import { isMissing, writePrivate } from '../system/durable-file.ts';
import type { ServiceManager } from '../system/service-manager.ts';
import { serviceManagerOf } from '../system/service-managers.ts';
import { enrol } from './enrolment.ts';
import { newPrivateKey, writeIdentity } from './identity.ts';

export interface JoinOptions extends NodeOptions {
  /** A file with the token, or `-` for stdin. */
  readonly tokenFile: string;
  readonly dataDir: string;
  /** Lets an agent that is enrolled already change to another cluster or coordinator. */
  readonly force?: boolean;
}

const readToken = async (file: string) => {
  try {
    return parseJoinToken(file === '-' ? await readStream(process.stdin) : await readFile(file, 'utf8'));
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    throw new RemoraError('bad-input', `--token-file ${file}: ${messageOf(error)}.`, { cause: error });
  }
};

/** A new key for each join; but one whose answer was lost is used again, since the token was spent with it. */
const pendingKey = async (directory: DataDirectory): Promise<string> => {
  try {
    return await readFile(directory.pendingKey, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const pem = await newPrivateKey();
  await writePrivate(directory.pendingKey, pem);
  return pem;
};

const refuseOtherNode = (existing: AgentConfig | null, options: JoinOptions, configDir: string): void => {
  if (existing === null || options.force || existing.elasticsearch.configDir === configDir) return;
  throw new RemoraError(
    'bad-input',
    `${options.dataDir} belongs to the agent of ${existing.name} (${existing.elasticsearch.configDir}), another node than ${configDir}.`,
    {
      hint: 'Give each node its own --data-dir, or add --force.',
    },
  );
};

const refuseOtherCluster = (
  existing: AgentConfig | null,
  options: JoinOptions,
  answered: { cluster: string; storeId: string },
): void => {
  if (existing === null || options.force) return;
  if (existing.cluster === answered.cluster && existing.storeId === answered.storeId) return;
  const what = existing.cluster === answered.cluster ? 'another coordinator' : `the cluster ${answered.cluster}`;
  throw new RemoraError(
    'bad-input',
    `The agent in ${options.dataDir} belongs to the cluster ${existing.cluster}; the token is for ${what}. It was left as it is.`,
    {
      hint: 'Use a token of that cluster, or add --force with another token (this one is used up).',
    },
  );
};

/** The node's process, null when none runs; throws when one runs that is not who answers at the URL, since its restarts could not be seen there. */
const nodePid = async (
  { configDir, url }: Pick<AgentConfig['elasticsearch'], 'configDir' | 'url'>,
  manager: ServiceManager,
): Promise<number | null> => {
  const node = findNodeProcess({ configDir, url, mainPid: () => manager.mainPid() });
  const { identity, isSeen } = await waitForAnswer({ node, url });
  const { pid } = processFacts(identity);
  if (isSeen) return pid;
  throw new RemoraError(
    'bad-input',
    `The node runs as process ${pid}, but it does not answer at ${url} within ${ANSWER_LIMIT_MS / 1000} s.`,
    { hint: "Give the node's own HTTP address with --es-url. If it is just starting, join when it is up." },
  );
};

/**
 * Another store, or one from before what this agent saw, gives other values the references that the ledger knows, and its fences begin lower. Without a
 * ledger, what is ours is written once more. The ledger goes first: while the fence is there, an interrupted join does this again.
 */
const forgetStore = async (directory: DataDirectory): Promise<void> => {
  await rm(directory.ledger, { force: true });
  await rm(directory.fence, { force: true });
};

/** `remora agent join`: checks, enrols, and writes agent.yml last, so that an interrupted join can be repeated. */
export const joinAgent = async (options: JoinOptions): Promise<void> => {
  const token = await readToken(options.tokenFile);
  const { name, nodeName, elasticsearch, service } = await discoverNode(options);
  const settled = {
    elasticsearch,
    service: 'systemd' in service ? service : { start: splitCommand(service.start), stop: splitCommand(service.stop) },
  };
  const manager = serviceManagerOf(settled);
  const why = await manager.check();
  if (why !== null) throw new RemoraError('bad-input', `${why}.`);
  const pid = await nodePid(elasticsearch, manager);
  const directory = await openDataDirectory(options.dataDir);
  const existing = await readConfig(directory.config);
  refuseOtherNode(existing, options, elasticsearch.configDir);

  const { configDir, home, url } = elasticsearch;
  const key = await pendingKey(directory);
  const { fleetCas, response } = await enrol(token, key, {
    name,
    elasticsearch: { nodeName, url, configDir, home, pid },
  });
  refuseOtherCluster(existing, options, response);
  const { cluster, storeId, coordinators } = response;
  const { highest } = await openFence(directory.fence);
  if (existing?.storeId !== storeId || highest() > response.fence) await forgetStore(directory);
  await writePrivate(directory.fleetCa, fleetCas);
  await writeIdentity(directory, { certificatePem: response.certificatePem, privateKeyPem: key });
  await writeConfig(directory.config, { name: response.name, cluster, storeId, coordinators, ...settled });
  await rm(directory.pendingKey, { force: true });
  process.stderr.write(
    `Joined ${response.name} to the cluster ${cluster}. Next: remora agent run --data-dir ${directory.path}\n`,
  );
};
