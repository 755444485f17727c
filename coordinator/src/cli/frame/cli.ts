import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { RemoraError } from '@remora/shared/errors.ts';
import type { ApiClient } from '../client/api-client.ts';
import type { Progress } from '../show/progress/progress.ts';
import { wrap } from '../show/text.ts';

/** What a command has of the world: the coordinator, its output, and the person at the terminal if there is one. */
export interface Cli {
  /** The client of the coordinator that the environment or `remora login` names. */
  client(): Promise<ApiClient>;
  /** The one answer of the command on stdout: JSON for scripts, text for people. */
  answer(value: unknown, text: () => string): void;
  /** One of many lines on stdout, for commands whose answer may be long. */
  line(text: string): void;
  /** A line for people, on stderr. */
  note(text: string): void;
  progress(): Promise<Progress>;
  /** Exit code when nothing is thrown; 0 unless said. */
  exit(code: 0 | 1 | 2): void;
  readonly json: () => boolean;
  /** Whether somebody can be asked. */
  readonly interactive: boolean;
  /** Asks yes or no; false without a terminal. */
  confirm(question: string): Promise<boolean>;
  /** Asks for what must not be seen on the terminal; null without one. */
  askSecret(question: string): Promise<string | null>;
}

export interface CliOutcome {
  code: number;
}

export const createCli = (json: () => boolean, outcome: CliOutcome): Cli => {
  const interactive = Boolean(process.stdin.isTTY && process.stderr.isTTY);
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  return {
    json,
    interactive,
    note,
    async client() {
      const [{ readClientSettings }, { createApiClient }] = await Promise.all([
        import('../client/settings.ts'),
        import('../client/api-client.ts'),
      ]);
      return createApiClient(await readClientSettings());
    },
    answer(value, text) {
      process.stdout.write(`${json() ? JSON.stringify(value, null, 2) : text()}\n`);
    },
    async progress() {
      const { liveProgress, plainProgress } = await import('../show/progress/progress.ts');
      return process.stderr.isTTY ? liveProgress(process.stderr) : plainProgress((text) => process.stderr.write(text));
    },
    line: (text) => void process.stdout.write(`${text}\n`),
    exit(code) {
      outcome.code = code;
    },
    async confirm(question) {
      if (!interactive) return false;
      const terminal = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
      } finally {
        terminal.close();
      }
    },
    async askSecret(question) {
      if (!interactive) return null;
      process.stderr.write(question);
      // What it echoes goes nowhere.
      const terminal = createInterface({
        input: process.stdin,
        output: new Writable({ write: (_, __, done) => done() }),
        terminal: true,
      });
      try {
        return await terminal.question('');
      } finally {
        terminal.close();
        process.stderr.write('\n');
      }
    },
  };
};

/** A failure as people read it on stderr: what happened, what else was found, what to do. */
export const errorText = (error: RemoraError): string => {
  const width = process.stderr.columns || 10_000;
  const findings = error.findings.filter((finding) => !error.message.includes(finding));
  return [
    wrap(`remora: ${error.message}`, '', width),
    ...findings.map((finding) => wrap(`- ${finding}`, '  ', width)),
    wrap(error.hint, '  ', width),
  ].join('\n');
};

/** The same for scripts, on stdout. */
export const errorJson = ({ code, message, hint, findings }: RemoraError): string =>
  JSON.stringify({ error: { code, message, hint, findings } }, null, 2);

/** Refuses a change that nobody confirmed; asks when somebody is there to answer. */
export const confirmOrRefuse = async (cli: Cli, question: string, yes: boolean): Promise<void> => {
  if (yes || (await cli.confirm(question))) return;
  throw new RemoraError(
    'not-confirmed',
    cli.interactive
      ? 'Not confirmed: nothing was changed.'
      : 'Without a terminal a change needs --yes; nothing was changed.',
  );
};
