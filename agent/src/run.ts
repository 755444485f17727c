import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { PROTOCOL_VERSION } from '@remora/shared/protocol/limits.ts';
import type { FromAgent } from '@remora/shared/protocol/messages.ts';
import type { Trust } from '@remora/shared/protocol/session.ts';
import type { AgentConfig } from './checks.ts';
import { readConfig } from './config.ts';
import type { AgentContext } from './context.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import { openFence } from './fence.ts';
import { fingerprintOf, readFleetCas, takeTrust } from './identity/fleet-cas.ts';
import { keepRenewed } from './identity/renewal.ts';
import { recover } from './journal/recover.ts';
import { tidyStartLogs } from './journal/start-logs.ts';
import { type JournalStore, openJournal } from './journal/store.ts';
import { openKeystore } from './keystore/keystore.ts';
import { openLedger } from './ledger.ts';
import type { Delivered } from './link/connection.ts';
import { type Session, startSession } from './link/session.ts';
import { takeLocks } from './lock.ts';
import { logToStderr } from './log.ts';
import { createMutex } from './mutex.ts';
import { findNodeProcess, processFacts } from './node/process.ts';
import { settleRestores } from './restores.ts';
import { createRunner, type Runner } from './runner.ts';
import { serviceManagerOf } from './system/service-managers.ts';
import { AGENT_VERSION } from './version.ts';

const createContext = async (
  config: AgentConfig,
  directory: DataDirectory,
  draining: AbortSignal,
): Promise<AgentContext> => {
  const ledger = await openLedger(directory);
  const service = serviceManagerOf(config);
  const { configDir, url } = config.elasticsearch;
  return {
    config,
    directory,
    log: logToStderr,
    ledger,
    service,
    url,
    node: findNodeProcess({ configDir, url, mainPid: () => service.mainPid() }),
    keystore: openKeystore(config, ledger),
    fence: await openFence(directory.fence),
    draining,
    openDelivery: { id: null },
  };
};

const hello = async ({ config, directory, fence, node }: AgentContext): Promise<FromAgent> => ({
  type: 'hello',
  version: PROTOCOL_VERSION,
  agentVersion: AGENT_VERSION,
  name: config.name,
  cluster: config.cluster,
  storeId: config.storeId,
  fence: fence.highest(),
  trusts: (await readFleetCas(directory)).map(fingerprintOf),
  elasticsearch: { configDir: config.elasticsearch.configDir, ...processFacts(await node.current()) },
});

const about = (message: Delivered): string => ('id' in message ? `${message.type} ${message.id}` : message.type);

/** Ties session and runner together: deliveries in, results out, again at each new session until they are acknowledged. */
const connectRunner = (context: AgentContext, journal: JournalStore, runner: Runner) => {
  let isFirst = true;
  // What the store does not know is forgotten before anything is read or changed for it.
  let settled: Promise<void> = Promise.resolve();
  const underWay = new Set<Promise<void>>();
  const trustOneAtATime = createMutex();
  const trust = (message: Trust): Promise<void> =>
    trustOneAtATime(() => takeTrust({ ...context, send: (answer) => session.send(answer) }, message));
  const handle = async (message: Delivered): Promise<void> => {
    if (message.type === 'acknowledge') return journal.acknowledge(message.id);
    if (message.type === 'renewed') return renewal.onRenewed(message);
    if (message.type === 'renew-soon') return renewal.onRenewSoon(message);
    if (message.type === 'trust') return trust(message);
    await settled;
    const { id } = message;
    const progress = (phase: string): void => {
      session.send({ type: 'progress', id, phase: phase.slice(0, 200) });
    };
    const result = await runner.deliver(message, progress);
    if (result) session.send(result);
  };
  const session: Session = startSession({
    config: context.config,
    directory: context.directory,
    log: context.log,
    hello: () => hello(context),
    heartbeat: async () => ({
      type: 'heartbeat',
      ...processFacts(await context.node.current()),
      delivery: context.openDelivery.id,
    }),
    onWelcome({ restores = [], renews = false }) {
      renewal.onWelcome(renews);
      // One that failed, of a full disk say, is tried again at the next welcome; deliveries of this one fail with its reason.
      settled = settled.catch(() => undefined).then(() => settleRestores(context, restores));
      settled.catch((error: unknown) =>
        context.log('error', `what the store does not know was not forgotten: ${String(error)}`),
      );
      if (isFirst) process.stdout.write(`connected ${context.config.name}\n`);
      isFirst = false;
      context.log('info', 'connected');
      for (const result of journal.unacknowledged()) session.send(result);
    },
    onMessage(message) {
      const handled = handle(message)
        .catch((error: unknown) => context.log('error', `${about(message)}: ${messageOf(error)}`))
        .finally(() => underWay.delete(handled));
      underWay.add(handled);
    },
  });
  const renewal = keepRenewed({
    ...context,
    send: (message) => session.send(message),
    showIdentity: () => session.showIdentity(),
    accepted: () => session.accepted(),
  });
  return { session, renewal, idle: () => Promise.all(underWay) };
};

const TIDY_MS = 10 * 60_000;

/** Now and then, between changes. */
const keepTidy = (context: AgentContext, journal: JournalStore): NodeJS.Timeout => {
  const tidy = (): void => {
    if (context.openDelivery.id !== null) return;
    tidyStartLogs(context.directory.logs).catch((error: unknown) => {
      context.log('warn', `the logs of starts were not tidied: ${messageOf(error)}`);
    });
    journal.tidy().catch((error: unknown) => context.log('warn', `the journal was not tidied: ${messageOf(error)}`));
  };
  tidy();
  return setInterval(tidy, TIDY_MS);
};

const termination = (): Promise<unknown> =>
  Promise.race((['SIGTERM', 'SIGINT'] as const).map((signal) => once(process, signal)));

/** `remora agent run`: recovers what a crash left open, then serves until SIGTERM; the change under way is finished first. */
export const runAgent = async (dataDir: string): Promise<void> => {
  const terminated = termination();
  const directory = await openDataDirectory(dataDir);
  const config = await readConfig(directory.config);
  if (config === null) {
    throw new RemoraError('bad-input', `${directory.path} has no agent.yml: this agent has not joined.`, {
      hint: 'Make a token with `remora tokens create`, then `remora agent join`.',
    });
  }
  const { configDir } = config.elasticsearch;
  const releaseLocks = await takeLocks(directory, await realpath(configDir).catch(() => configDir));
  try {
    const draining = new AbortController();
    const context = await createContext(config, directory, draining.signal);
    const journal = await openJournal(directory.journal);
    await recover(context, journal);
    const tidying = keepTidy(context, journal);
    const runner = createRunner(context, journal);
    const { session, renewal, idle } = connectRunner(context, journal, runner);
    await terminated;
    context.log('info', 'stopping: the change under way is finished first');
    session.drain();
    draining.abort();
    renewal.stop();
    await idle();
    await session.stop();
    clearInterval(tidying);
  } finally {
    await releaseLocks();
  }
};
