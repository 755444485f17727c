import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { freePorts } from '../../elasticsearch/ports.ts';
import { spawnCoordinator } from '../../support/coordinator-process.ts';
import { type CliResult, runCli } from '../../support/run-cli.ts';

/** A coordinator without a fleet, its directory, and the CLI that talks to it. */
export interface OwnCoordinator extends AsyncDisposable {
  readonly directory: string;
  /** All that the process has said. */
  logged(): string;
  remora(...args: readonly string[]): Promise<CliResult>;
  /** What a command answers with --json, once it succeeded. */
  json<T>(...args: readonly string[]): Promise<T>;
}

export const startOwnCoordinator = async (): Promise<OwnCoordinator> => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-certificates-'));
  const [port = 0] = await freePorts(1);
  const data = join(directory, 'data');
  const coordinator = spawnCoordinator(['--data-dir', data, '--listen', `127.0.0.1:${port}`]);
  expect(await coordinator.firstLine).toMatch(/^ready /);
  const env = {
    REMORA_URL: `https://127.0.0.1:${port}`,
    REMORA_TOKEN_FILE: join(data, 'admin.token'),
    REMORA_CA: join(data, 'fleet-ca.crt'),
  };
  const remora = (...args: readonly string[]) => runCli(args, { env });
  return {
    directory,
    logged: () => coordinator.logged(),
    remora,
    async json<T>(...args: readonly string[]) {
      const answer = await remora(...args, '--json');
      expect(answer.code, answer.stderr).toBe(0);
      return JSON.parse(answer.stdout) as T;
    },
    async [Symbol.asyncDispose]() {
      await coordinator.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
};
