import Type, { type Static } from 'typebox';
import { RemoraError } from '../errors.ts';
import { parseDuration } from './values/duration.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });
const Texts = Type.Array(Text, { minItems: 1, maxItems: 200 });

/** What may be paused for a roll besides shard allocation: snapshot lifecycle management, and machine learning (its upgrade mode). */
export const pausable = ['slm', 'ml'] as const;
export type Pausable = (typeof pausable)[number];

/** How a change is carried out, whichever it is: what the flags of every change say. Nothing here changes what a plan does to a node. */
export const ChangeOptions = Type.Object(
  {
    /** The outages that the plan states are accepted. */
    acceptOutage: Type.Optional(Type.Boolean()),
    /** So many nodes of a roll may fail, `N` or `N%` of them, before no other one is begun; none when absent. */
    maxFail: Type.Optional(Text),
    /** How many nodes of a roll restart at once, `N` or `N%` each: of the first batch, the second, and so on; the last one holds for all that follow. One by one when absent. */
    serial: Type.Optional(Texts),
    /** Only nodes with the same value of this attribute (`node.attr.*`) restart together; without `serial` all of them. */
    batchBy: Type.Optional(Text),
    /** Pause after the first node of a roll, until somebody says to continue. */
    canary: Type.Optional(Type.Boolean()),
    /** How long nodes whose agents are away are waited for, like `12h`: the run ends without them, and goes on by itself when one is back. */
    waitOffline: Type.Optional(Text),
    /** ISO 8601 with a zone: from then on no node is begun. */
    notAfter: Type.Optional(Text),
    /** Names of gates that need not be open. */
    override: Type.Optional(Texts),
    /** What is paused on each cluster while its nodes are restarted, and put back to what it was. */
    pause: Type.Optional(Type.Array(Type.Enum([...pausable]), { minItems: 1, maxItems: 10 })),
    /** What follows when the run fails: nothing, until somebody decides, or what it did is taken back. */
    onFailure: Type.Optional(Type.Enum(['stop', 'rollback'])),
    /** Why, in the words of whoever asks. */
    reason: Type.Optional(Text),
    /** Id of a ticket elsewhere. */
    ticket: Type.Optional(Text),
  },
  { additionalProperties: false },
);
export type ChangeOptions = Static<typeof ChangeOptions>;

const refuse = (message: string): never => {
  throw new RemoraError('bad-input', message);
};

/** Reads `N` or `N%` as a number of `total`, rounded down; throws `bad-input` that names the flag. */
export const parseShare = (text: string, flag: string): ((total: number) => number) => {
  const match = /^(\d{1,6})(%?)$/.exec(text);
  const value = Number(match?.[1]);
  if (!match || (match[2] === '%' && value > 100))
    return refuse(`${flag} ${text}: write a whole number, or a percentage up to 100%.`);
  return match[2] === '%' ? (total) => Math.floor((total * value) / 100) : () => value;
};

/**
 * How many nodes restart at once when so many of all were begun already: a percentage is rounded down and is at least one node, as Ansible has it. Throws
 * `bad-input`.
 */
export const parseSerial = (texts: readonly string[]): ((total: number, begun: number) => number) => {
  const shares = texts.map((text) => {
    const share = parseShare(text, '--serial');
    return share(100) > 0 ? share : refuse(`--serial ${text}: at least one node has to restart at a time.`);
  });
  return (total, begun) => {
    let until = 0;
    for (const share of shares) {
      const size = Math.max(1, share(total));
      until += size;
      if (begun < until) return size;
    }
    return Math.max(1, shares.at(-1)?.(total) ?? 1);
  };
};

/** How many nodes restart at once by the options: one, or with a plain `batchBy` all that share the attribute. */
export const batchSize = ({ serial, batchBy }: ChangeOptions, total: number, begun: number): number => {
  if (serial !== undefined) return parseSerial(serial)(total, begun);
  return batchBy === undefined ? 1 : total;
};

/** Reads a moment in time, in ms since 1970; throws `bad-input`. A time without a zone would mean another moment on each machine. */
export const parseMoment = (text: string, flag: string): number => {
  const isComplete = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text);
  const moment = isComplete ? Date.parse(text) : Number.NaN;
  return Number.isNaN(moment)
    ? refuse(`${flag} ${text}: write a time with its zone, like 2030-01-31T22:00:00Z or 2030-01-31T22:00+01:00.`)
    : moment;
};

/** Reads a name of what may be paused; throws `bad-input`. */
export const parsePausable = (name: string): Pausable =>
  pausable.find((one) => one === name) ?? refuse(`--pause ${name}: write ${pausable.join(' or ')}.`);

/** Whether the options make sense by themselves. `gates` are the names that can be overridden. Throws `bad-input` that names the flag. */
export const checkChangeOptions = (options: ChangeOptions, gates: readonly string[], now: Date): void => {
  if (options.maxFail !== undefined) parseShare(options.maxFail, '--max-fail');
  if (options.serial !== undefined) parseSerial(options.serial);
  if (options.waitOffline !== undefined) parseDuration(options.waitOffline);
  if (options.notAfter !== undefined && parseMoment(options.notAfter, '--not-after') <= now.getTime())
    refuse(`--not-after ${options.notAfter} is over: nothing would be begun.`);
  for (const gate of options.override ?? []) {
    if (!gates.includes(gate)) refuse(`--override ${gate}: there is no such gate. There are ${gates.join(', ')}.`);
  }
  if (options.override !== undefined && options.reason === undefined)
    refuse('--override needs --reason: say why the gate need not be open. It is recorded with the run.');
};
