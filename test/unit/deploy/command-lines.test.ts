import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runCli } from '../../support/run-cli.ts';
import { type CommandLine, commandLineOf, commandLinesIn, fencedBlocks } from './command-lines.ts';
import { composeFile, inClone, serviceOf, textOf } from './deployment.ts';

const run = promisify(execFile);

const dockerfileCommand = (path: string): CommandLine => {
  const json = /^CMD (\[.*\])$/m.exec(textOf(path))?.[1] ?? '[]';
  return commandLineOf('remora', JSON.parse(json) as string[]);
};

/** Every command line of the deployment, by where it stands. */
const deployed: Readonly<Record<string, readonly CommandLine[]>> = {
  'docker-compose.yml': [commandLineOf('remora', serviceOf('coordinator').command ?? [])],
  'deploy/coordinator.Dockerfile': [dockerfileCommand('deploy/coordinator.Dockerfile')],
  ...Object.fromEntries(
    [
      'deploy/compose/register',
      'deploy/elasticsearch-node/run-node',
      'deploy/systemd/remora-coordinator.service',
      'deploy/systemd/remora-agent.service',
    ].map((path) => [path, commandLinesIn(textOf(path))]),
  ),
  'deploy/README.md': commandLinesIn(fencedBlocks(textOf('deploy/README.md'))),
};

/** Flags that every command takes. */
const general = /^ {2}--json .*$/m.exec((await runCli(['--help'])).stdout)?.[0] ?? '';

const helpOf = async ({ program, commands }: CommandLine): Promise<string> => {
  if (program === 'agent') {
    return (await run(process.execPath, [inClone('agent/src/main.ts'), ...commands, '--help'])).stdout;
  }
  const { code, stdout, stderr } = await runCli([...commands, '--help']);
  if (code !== 0) throw new Error(stderr);
  return `${stdout}\n${general}`;
};

it.each(Object.entries(deployed))('%s calls the programs with commands and flags that they have', async (_, lines) => {
  expect(lines).not.toEqual([]);
  for (const line of lines) {
    const help = await helpOf(line);
    expect(help).toMatch(
      new RegExp(`^Usage: remora ${line.program === 'agent' ? 'agent ' : ''}${line.commands[0] ?? ''} `),
    );
    for (const flag of line.flags) expect(help, `${line.commands.join(' ')} ${flag}`).toMatch(new RegExp(`${flag}\\b`));
  }
});

it('every command of the deployment is found', () => {
  const commands = Object.values(deployed).flatMap((lines) =>
    lines.map(({ program, commands }) => `${program} ${commands.slice(0, 2).join(' ')}`),
  );
  expect([...new Set(commands)]).toEqual(
    expect.arrayContaining([
      'remora coordinator',
      'remora clusters show',
      'remora clusters add',
      'remora nodes show',
      'remora nodes list',
      'remora tokens create',
      'remora connect eu',
      'agent join',
      'agent run',
    ]),
  );
});

it('scripts and services name the same clusters and nodes', () => {
  const services = Object.entries(composeFile().services).flatMap(([name, { hostname, environment }]) =>
    environment?.CLUSTER_NAME === undefined ? [] : [{ name, hostname, environment }],
  );
  const lines: Record<string, string> = {};
  for (const { name, hostname, environment } of services) {
    expect(hostname).toBe(name);
    expect(environment.CLUSTER_NODES?.split(' ')).toContain(name);
    lines[environment.CLUSTER_NAME ?? ''] = `${environment.CLUSTER_NAME} ${environment.CLUSTER_NODES}`;
  }
  const inScript = (path: string, call: string) =>
    [...textOf(path).matchAll(new RegExp(`^${call} (.*)$`, 'gm'))].map(([, words]) => words);
  for (const call of ['add_cluster', 'hand_out_token']) {
    expect(inScript('deploy/compose/register', call)).toEqual(Object.values(lines));
  }
  expect(inScript('deploy/compose/prepare', 'make_cluster')).toEqual(Object.values(lines));
  expect(inScript('deploy/compose/register', 'wait_for_agents')).toEqual([String(services.length)]);
});
