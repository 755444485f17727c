import { createServer, type Server } from 'node:net';

/** Below the range from which Linux takes ports of outgoing connections (32768 and up), which could take one of ours. */
const FIRST = 20_000;
const LAST = 32_000;
const BLOCK = 40;

let block: { lock: Server; next: number; end: number } | undefined;

/**
 * `count` ports that nothing listens on, on no address of this machine, and that no other process takes by this function
 * as long as this process lives: each process owns blocks of ports by listening on a block's first one, which the kernel
 * gives back when it dies.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    if (block === undefined || block.next === block.end) block = await takeBlock();
    const port = block.next++;
    const probe = await listen(port);
    if (probe === undefined) continue;
    await new Promise((resolve) => probe.close(resolve));
    ports.push(port);
  }
  return ports;
}

async function takeBlock(): Promise<{ lock: Server; next: number; end: number }> {
  const blocks = (LAST - FIRST) / BLOCK;
  const start = Math.floor(Math.random() * blocks);
  for (let i = 0; i < blocks; i++) {
    const first = FIRST + ((start + i) % blocks) * BLOCK;
    const lock = await listen(first);
    if (lock !== undefined) return { lock: lock.unref(), next: first + 1, end: first + BLOCK };
  }
  throw new Error(`No block of ${BLOCK} ports is free between ${FIRST} and ${LAST}: what else runs here?`);
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => resolve(server));
  });
}
