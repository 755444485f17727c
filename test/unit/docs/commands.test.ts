import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { files } from '../../../coordinator/src/plan/node/placed-files.ts';
import { keystorePasswordNames } from '../../../coordinator/src/plan/node/secret-names.ts';
import { blocks, read, root } from './markdown.ts';

const commands = read('docs/commands.md');
const node = read('docs/node-requirements.md');

/** What the agent's program prints, as somebody without a terminal gets it. */
const agentHelp = (command: string): string =>
  execFileSync(process.execPath, [join(root, 'agent/src/main.ts'), command, '--help'], { encoding: 'utf8' });

it.each(['join', 'run'])('docs/node-requirements.md has the help of `remora agent %s`', (command) => {
  expect(blocks(node, 'text').map((block) => block.trim())).toContain(agentHelp(command).trim());
});

it('docs/node-requirements.md has the names that the planner uses', () => {
  const names = [...Object.values(files), ...keystorePasswordNames('us', 'us-1')];
  expect(names.filter((name) => !node.includes(name))).toEqual([]);
});

/** `connect` or `secrets set`, and the flags of a line that calls the program. */
const called = (line: string): { readonly name: string; readonly flags: readonly string[] } => {
  const words = line.replace(/^\S*remora /, '').split(' ');
  const [group = '', sub = ''] = words;
  const hasSubcommands = commands.includes(`\nUsage: remora ${group} [options] [command]`);
  return {
    name: hasSubcommands ? `${group} ${sub}` : group,
    flags: words.filter((word) => word.startsWith('--')),
  };
};

it.each(['README.md', 'docs/node-requirements.md', 'deploy/README.md'])(
  '%s calls commands and flags that are there',
  (page) => {
    const lines = blocks(read(page), 'sh')
      .flatMap((block) => block.split('\n'))
      .filter((line) => /^(bin\/)?remora /.test(line));
    expect(lines).not.toEqual([]);
    const helps = [...blocks(commands, 'text'), ...blocks(node, 'text')];
    for (const line of lines) {
      const { name, flags } = called(line);
      const usage = name === 'agent' ? `remora ${line.split(' ').slice(1, 3).join(' ')}` : `remora ${name}`;
      const help = helps.find((text) => text.startsWith(`Usage: ${usage} `)) ?? '';
      expect(help, `${line}: is there a command \`${usage}\`?`).not.toBe('');
      expect(
        flags.filter((flag) => !help.includes(`  ${flag}`)),
        line,
      ).toEqual([]);
    }
  },
);
