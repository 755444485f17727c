/**
 * Locks that the kernel lets go of when their holder dies, however it dies: a listening socket in Linux's abstract
 * namespace, which has no file that could be left behind.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from './say.mjs';

/**
 * Runs `work` while no other process of this machine runs anything under the same name.
 * @template T
 * @param {string} name what is protected: a path, or a word for the whole machine
 * @param {string} what how to call it while waiting
 * @param {() => Promise<T> | T} work must look again at what is missing: another process may have done it meanwhile
 * @returns {Promise<T>}
 */
export async function withLock(name, what, work) {
  if (process.platform !== 'linux') return work();
  const address = `\0remora-setup-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;
  let told = false;
  let server = await listen(address);
  while (server === undefined) {
    if (!told) say(`another set-up is busy with ${what}, waiting for it`);
    told = true;
    await sleep(200);
    server = await listen(address);
  }
  try {
    return await work();
  } finally {
    server.close();
  }
}

/** @param {string} address @returns {Promise<import('node:net').Server | undefined>} undefined when it is taken */
function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });
}
