import { logicalLines } from './deployment.ts';

/** A call of one of the two programs, as it stands in a file of deploy/. */
export interface CommandLine {
  readonly program: 'remora' | 'agent';
  /** Words before the first flag or variable: commands, and arguments where they are literal. */
  readonly commands: readonly string[];
  /** `--name` of every flag. */
  readonly flags: readonly string[];
}

const CALLS: readonly { readonly program: CommandLine['program']; readonly pattern: RegExp }[] = [
  { program: 'agent', pattern: /(?:remora-agent\.mjs"?|^agent|remora agent) ((?:join|run) .*)/ },
  { program: 'remora', pattern: /cli\/main\.ts (coordinator .*)/ },
  { program: 'remora', pattern: /(?:^|\$\(|run --rm |(?:&&|\|\||;) )remora ([a-z].*)/ },
];

/** What ends a command in a shell. */
const END = /\s(?:\|\|?|&&?|\d?>|<|;)(?:\s|$)|\)|;|`/;

export const commandLineOf = (program: CommandLine['program'], words: readonly string[]): CommandLine => {
  const firstOther = words.findIndex((word) => !/^[a-z][a-z0-9-]*$/.test(word));
  return {
    program,
    commands: words.slice(0, firstOther === -1 ? words.length : firstOther),
    flags: words.filter((word) => word.startsWith('--')).map((word) => word.replace(/=.*/, '')),
  };
};

/** The calls in shell scripts, units and fenced blocks of documents; at most one a line. */
export const commandLinesIn = (text: string): CommandLine[] =>
  logicalLines(text).flatMap((line) => {
    for (const { program, pattern } of CALLS) {
      const called = pattern.exec(line)?.[1];
      if (called === undefined) continue;
      const [command = ''] = called.split(END);
      return [commandLineOf(program, command.split(/\s+/))];
    }
    return [];
  });

/** The fenced blocks of a Markdown document. */
export const fencedBlocks = (markdown: string): string =>
  [...markdown.matchAll(/^```\w*\n(.*?)^```/gms)].map(([, block = '']) => block).join('\n');
