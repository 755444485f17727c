/** Where things of this clone are. `.cache/` is ignored by git. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** @param {...string} parts @returns {string} a path in the clone */
export const inClone = (...parts) => join(root, ...parts);

/** Logs and stamps of the set-up. */
export const setupDir = inClone('.cache', 'setup');

/** Node 24, which the `node` package brings: what every command of the project runs on. */
export const projectNode = inClone('node_modules', 'node', 'bin', 'node');
