/** What the launcher of Elasticsearch 8.3 and later does: it starts the server, waits for its end, and goes a moment later with the same exit code. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const server = spawn(join(import.meta.dirname, 'run.sh'), { stdio: 'inherit' });
server.on('exit', (code) => setTimeout(() => process.exit(code ?? 1), 1000));
