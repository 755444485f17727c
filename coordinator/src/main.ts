import { once } from 'node:events';
import { messageOf } from '@remora/shared/errors.ts';
import { formatAddress } from '@remora/shared/model/values/address.ts';
import { type CoordinatorFlags, readConfig } from './config.ts';
import { createLog, type Log } from './log.ts';
import { createRedactor } from './secrets/redact.ts';

/** A coordinator that is told to stop is gone within 5 s, whatever hangs. */
const STOP_LIMIT_MS = 4500;

/** The process dies of a fault that nobody caught, but says so in its log first; it goes on with its runs when it is started again. */
const logFaults = (log: Log): void => {
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a fault that nothing caught: the coordinator ends');
    process.exit(1);
  });
};

/**
 * Runs a coordinator until SIGTERM or SIGINT, then hands its runs over and exits 0. Prints `ready https://HOST:PORT` on stdout when it takes requests.
 * Throws before that: `bad-input` for flags and addresses, `data-directory`, `store-unavailable`.
 */
export const runCoordinator = async (flags: CoordinatorFlags): Promise<void> => {
  const config = await readConfig(flags);
  const redactor = createRedactor();
  const log = createLog(redactor);
  logFaults(log);
  const asked = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const { startCoordinator } = await import('./compose.ts');
  const coordinator = await startCoordinator(config, log, redactor);
  const url = `https://${formatAddress(config.listen)}`;
  process.stdout.write(`ready ${url}\n`);
  log.info({ url, publicUrl: config.publicUrl, dataDir: config.dataDir }, 'ready');
  await asked;
  log.info('stopping: runs are handed over');
  const late = setTimeout(() => {
    log.error('something did not stop in time; what is left ends with the process');
    process.exit(0);
  }, STOP_LIMIT_MS);
  await coordinator.close().catch((error: unknown) => log.error({ reason: messageOf(error) }, 'stopping met an error'));
  clearTimeout(late);
  process.exit(0);
};
