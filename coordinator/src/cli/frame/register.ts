import type { Command } from 'commander';
import type { Cli } from './cli.ts';

/** Gives a command its arguments, options and action. */
export type Register = (command: Command, cli: Cli) => void;
