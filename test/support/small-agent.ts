import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { clockOf } from './clock.ts';

/** The agent from its sources, beside the directories of a node that does not run: for all that is between agent and coordinator. */
export interface SmallAgent extends AsyncDisposable {
  readonly dataDir: string;
  /** Throws with what the agent said when it does not end with 0. */
  join(token: string): Promise<void>;
  /** Starts it with a clock that is ahead by so many ms; it dies at the moment that `killedAt` names (killed-at.ts). */
  run(options?: { readonly aheadMs?: number; readonly killedAt?: string }): Promise<AgentRun>;
}

interface AgentRun {
  readonly child: ChildProcess;
  /** JSON lines of its log so far. */
  logged(): string;
  readonly ended: Promise<unknown>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const main = join(import.meta.dirname, '../../agent/src/main.ts');
const killer = join(import.meta.dirname, 'killed-at.ts');

export const createSmallAgent = async (name: string): Promise<SmallAgent> => {
  const place = await mkdtemp(join(tmpdir(), 'remora-small-agent-'));
  const dataDir = join(place, 'data');
  const clockFile = join(place, 'clock');
  const runs = new Set<AgentRun>();
  await Promise.all(['home/bin', 'config'].map((path) => mkdir(join(place, path), { recursive: true })));
  await writeFile(join(place, 'home/bin/elasticsearch-keystore'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await writeFile(join(place, 'config/elasticsearch.yml'), `node.name: ${name}\n`);

  return {
    dataDir,
    async join(token) {
      const node = [
        '--es-home',
        join(place, 'home'),
        '--es-config',
        join(place, 'config'),
        '--es-url',
        'http://[::1]:1',
      ];
      const how = ['--start', '/bin/true', '--stop', '/bin/true', '--token-file', '-', '--data-dir', dataDir];
      const child = spawn(process.execPath, [main, 'join', ...node, ...how], { stdio: ['pipe', 'ignore', 'pipe'] });
      child.stdin.end(token);
      const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
      if (code !== 0) throw new Error(said);
    },
    async run({ aheadMs = 0, killedAt } = {}) {
      await writeFile(clockFile, String(aheadMs));
      const clock = clockOf(clockFile);
      const killing = killedAt === undefined ? [] : ['--import', killer];
      const child = spawn(process.execPath, [...clock.args, ...killing, main, 'run', '--data-dir', dataDir], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...clock.env, KILLED_AT: killedAt },
      });
      let logged = '';
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        logged += chunk;
      });
      const ended = once(child, 'exit');
      const run: AgentRun = {
        ...{ child, ended, logged: () => logged },
        async stop(signal = 'SIGTERM') {
          runs.delete(run);
          child.kill(signal);
          await ended;
        },
      };
      runs.add(run);
      return run;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...runs].map((run) => run.stop('SIGKILL')));
      await rm(place, { recursive: true, force: true });
    },
  };
};
