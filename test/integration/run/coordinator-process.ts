import { startRunEngine } from '../../../coordinator/src/run/engine.ts';
import { openStore } from '../../../coordinator/src/store/open-store.ts';
import { fileExecutors, fileRestorers } from './effects.ts';

/** Stands for a coordinator: drives runs on a Redis until it is killed; SIGTERM hands them over. Its log goes to stdout, a JSON object a line. */
const [path = '', file = ''] = process.argv.slice(2);
const say = (level: string) => (fields: object, message: string) =>
  process.stdout.write(`${JSON.stringify({ level, ...fields, message })}\n`);

const store = await openStore({ path });
const engine = await startRunEngine(store, {
  executors: fileExecutors(file),
  restorers: fileRestorers(file),
  agents: { change: () => Promise.reject(new Error('no agents here')) },
  nextInRoll: async (pending, { size }) => pending.slice(0, size),
  clock: () => new Date(),
  log: { info: say('info'), warn: say('warn'), error: say('error') },
  redact: (text) => text,
});
process.once('SIGTERM', async () => {
  await engine.close();
  await store.close();
  process.exit(0);
});
say('info')({}, 'ready');
