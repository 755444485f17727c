import { RemoraError } from '@remora/shared/errors.ts';
import { type ChangeOptions, type Pausable, parsePausable } from '@remora/shared/model/change-options.ts';
import type { Command } from 'commander';
import { addToList } from './input.ts';

/** Flags that every change has. */
export interface ChangeFlags {
  readonly check?: true;
  readonly diff?: true;
  readonly yes?: true;
  readonly detach?: true;
  readonly acceptOutage?: true;
  readonly serial?: string[];
  readonly batchBy?: string;
  readonly maxFail?: string;
  readonly canary?: true;
  readonly waitOffline?: string;
  readonly notAfter?: string;
  readonly onFailure?: ChangeOptions['onFailure'];
  readonly override?: string[];
  readonly pause?: Pausable[];
  readonly reason?: string;
  readonly ticket?: string;
}

/** Reads what follows a failure; throws `bad-input`. */
export const onFailure = (given: string): ChangeOptions['onFailure'] => {
  if (given === 'stop' || given === 'rollback') return given;
  throw new RemoraError('bad-input', `\`--on-failure ${given}\`: write stop or rollback.`);
};

const addPausable = (value: string, before: readonly Pausable[] = []): Pausable[] => [
  ...new Set([...before, ...addToList(value).map(parsePausable)]),
];

/** For a command that plans and carries out. */
export const addChangeFlags = (command: Command): void => {
  command.option('--check', 'show the plan and change nothing; exits 2 when there is something to do');
  addApplyFlags(command);
};

/** For a command that carries out a plan which is there already. */
export const addApplyFlags = (command: Command): void => {
  command
    .option('--diff', 'show what becomes different')
    .option('--yes', 'do not ask')
    .option('--detach', 'do not wait for the end of the run')
    .option('--accept-outage', 'accept the outages that the plan states')
    .option(
      '--serial <counts>',
      'nodes of a roll that restart at once, N or N%; a list like 1,2,50% for batch after batch (default: 1)',
      addToList,
    )
    .option(
      '--batch-by <attribute>',
      'restart nodes together only when they share this node attribute, like zone; without --serial all that do',
    )
    .option('--max-fail <count>', 'nodes of a roll, N or N%, that may fail before it stops (default: none)')
    .option('--canary', 'pause after the first node of a roll, for `remora runs continue`')
    .option(
      '--wait-offline <time>',
      'leave nodes whose agents are away, and go on by itself when they are back within this time, like 12h',
    )
    .option(
      '--not-after <time>',
      'begin no node after this time, nor for a rollback by itself, like 2030-01-31T22:00:00Z',
    )
    .option(
      '--on-failure <what>',
      'what follows a failure: stop or rollback (default: stop; of `migrate`, `certs rotate` and `api-keys rotate`: rollback)',
      onFailure,
    )
    .option('--override <gates>', 'gates that need not be open, by name; needs --reason', addToList)
    .option('--pause <what>', 'what is paused on a cluster while its nodes restart: slm, ml', addPausable)
    .option('--reason <text>', 'why; recorded with the run')
    .option('--ticket <id>', 'the ticket that this belongs to; recorded with the run');
};

/** How the change is to be carried out, as the API takes it. */
export const changeOptionsOf = (flags: ChangeFlags): ChangeOptions => {
  const { acceptOutage, serial, batchBy, maxFail, canary, waitOffline, notAfter } = flags;
  const { onFailure, override, pause, reason, ticket } = flags;
  const roll = { acceptOutage, serial, batchBy, maxFail, canary, waitOffline, notAfter };
  const all = { ...roll, onFailure, override, pause, reason, ticket };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as ChangeOptions;
};
