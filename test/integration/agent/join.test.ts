import { existsSync, statSync } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatJoinToken } from '@remora/shared/protocol/join-token.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { freePorts } from '../../elasticsearch/ports.ts';
import { changeArguments, createBed, type NodeBed, runAgentCli } from '../../support/agent-harness.ts';

let bed: NodeBed;
beforeAll(async () => {
  bed = await createBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

const args = (changes: Record<string, string | null> = {}): string[] => [
  ...['join', '--token-file', '-'],
  ...changeArguments(bed.joinArgs, changes),
];
const mode = (path: string): number => statSync(path).mode & 0o777;

describe('join refuses', () => {
  const cases: readonly [string, () => Record<string, string | null>, RegExp][] = [
    ['a directory without elasticsearch.yml', () => ({ '--es-config': bed.root }), /elasticsearch\.yml/],
    ['a home without the keystore tool', () => ({ '--es-home': bed.root }), /elasticsearch-keystore/],
    ['a URL that is none', () => ({ '--es-url': 'localhost' }), /--es-url/],
    ['a URL that sends the password in clear', () => ({ '--es-url': 'http://192.0.2.7:9200' }), /in clear/],
    ['a URL with a password', () => ({ '--es-url': 'http://u:p@localhost:9200' }), /--es-url/],
    ['a start without a stop', () => ({ '--stop': null }), /--start and --stop/],
    ['both service managers', () => ({ '--systemd': 'x.service' }), /not both/],
    ['a start command that is not there', () => ({ '--start': '/no/such/program -d' }), /\/no\/such\/program/],
    ['a CA that is none', () => ({ '--es-ca': join(bed.configDir, 'elasticsearch.yml') }), /--es-ca/],
    ['an owner that is nobody', () => ({ '--owner': 'nobody-of-that-name:root' }), /nobody-of-that-name/],
    ['a name that is not its node.name', () => ({ '--name': 'eu-2' }), /node\.name is "eu-1"/],
  ];
  test.each(cases)('%s, with 64 and nothing written', async (_, changes, message) => {
    const ended = await runAgentCli(args(changes()), bed.gateway.token());
    expect(ended).toMatchObject({ code: 64, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expect(existsSync(bed.dataDir)).toBe(false);
    expect(bed.gateway.joined).toEqual([]);
  });

  test.each([['nonsense'], ['rmr1.abc'], ['']])('the token "%s" with 64, without repeating it', async (token) => {
    const ended = await runAgentCli(args(), token);
    expect(ended.code).toBe(64);
    expect(ended.stderr).toContain('token');
  });

  test('a token that the coordinator does not take with 77, in its words', async () => {
    const ended = await runAgentCli(args(), bed.gateway.token({ id: 'spent' }));
    expect(ended.code).toBe(77);
    expect(ended.stderr).toContain('unknown, expired or used up');
    expect(ended.stderr).toContain('a hint from the coordinator');
  });

  test('a coordinator with another CA than the token says with 69', async () => {
    const ended = await runAgentCli(args(), bed.gateway.token({ caFingerprint: '0'.repeat(64) }));
    expect(ended.code).toBe(69);
    expect(ended.stderr).toContain('another fleet CA');
  });

  test('a coordinator that does not answer with 69', async () => {
    const token = formatJoinToken({ url: 'https://localhost:1', caFingerprint: '0'.repeat(64), id: 'x', secret: 'y' });
    const ended = await runAgentCli(args(), token);
    expect(ended.code).toBe(69);
    expect(ended.stderr).toContain('https://localhost:1');
  });

  test('unknown flags with 64', async () => {
    expect((await runAgentCli(['join', '--nonsense'])).code).toBe(64);
    expect((await runAgentCli(['nonsense'])).code).toBe(64);
    expect((await runAgentCli(['run', '--data-dir', join(bed.root, 'nothing')])).code).toBe(64);
  });
});

describe('join', () => {
  test('enrols and writes what run needs, for nobody else to read', async () => {
    await bed.join();
    const config = parse(await readFile(join(bed.dataDir, 'agent.yml'), 'utf8'));
    expect(config).toMatchObject({
      name: 'eu-1',
      cluster: 'eu',
      elasticsearch: { configDir: bed.configDir, settingsFile: bed.settingsFile, home: bed.esHome },
      service: { start: [expect.stringContaining('start.sh')] },
    });
    expect(bed.gateway.joined[0]).toMatchObject({ name: 'eu-1', elasticsearch: { nodeName: 'eu-1', pid: null } });
    expect(mode(bed.dataDir)).toBe(0o700);
    for (const name of ['identity.pem', 'agent.yml']) expect(mode(join(bed.dataDir, name))).toBe(0o600);
  });

  test('again takes a new key, and a running agent goes on with it', async () => {
    const key = await readFile(join(bed.dataDir, 'identity.pem'), 'utf8');
    const agent = await bed.startAgent();
    await bed.join();
    expect(await readFile(join(bed.dataDir, 'identity.pem'), 'utf8')).not.toBe(key);
    bed.gateway.cut();
    await bed.gateway.waitForSession();
    expect(await agent.stop()).toBe(0);
  });

  test('does not move an agent to another cluster unless it is forced', async () => {
    bed.gateway.cluster = 'us';
    const before = await readFile(join(bed.dataDir, 'agent.yml'), 'utf8');
    const refused = await runAgentCli(args(), bed.gateway.token());
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain('cluster us');
    expect(await readFile(join(bed.dataDir, 'agent.yml'), 'utf8')).toBe(before);
    expect((await runAgentCli([...args(), '--force'], bed.gateway.token())).code).toBe(0);
    expect(await readFile(join(bed.dataDir, 'agent.yml'), 'utf8')).toContain('cluster: us');
  });

  test('takes the address from elasticsearch.yml when it is not given', async () => {
    const dataDir = join(bed.root, 'second');
    const ended = await runAgentCli(args({ '--es-url': null, '--data-dir': dataDir }), bed.gateway.token());
    expect(ended.code).toBe(0);
    expect(parse(await readFile(join(dataDir, 'agent.yml'), 'utf8')).elasticsearch.url).toBe(
      `http://localhost:${bed.port}`,
    );
  });
});

test('a node that runs, but does not answer at its address, is not joined', async () => {
  await using other = await createBed();
  await other.startNode();
  const [elsewhere = 0] = await freePorts(1);
  const changes = { '--es-url': `http://127.0.0.1:${elsewhere}` };
  const ended = await runAgentCli(
    ['join', '--token-file', '-', ...changeArguments(other.joinArgs, changes)],
    other.gateway.token(),
  );
  expect(ended).toMatchObject({ code: 64, stdout: '' });
  expect(ended.stderr).toContain(
    `runs as process ${other.nodePid()}, but it does not answer at http://127.0.0.1:${elsewhere}`,
  );
  expect(existsSync(other.dataDir)).toBe(false);
  expect(other.gateway.joined).toEqual([]);
});

describe('two agents', () => {
  test('on one data directory, or for one node, are told of each other', async () => {
    const agent = await bed.startAgent();
    const same = await runAgentCli(['run', '--data-dir', bed.dataDir]);
    expect(same.code).toBe(64);
    expect(same.stderr).toContain(`process ${agent.child.pid}`);
    const other = await runAgentCli(['run', '--data-dir', join(bed.root, 'second')]);
    expect(other.code).toBe(64);
    expect(other.stderr).toContain(`process ${agent.child.pid}`);
    expect(other.stderr).toContain(bed.configDir);
    await agent.crash();
    // What a crash leaves is no holder.
    expect(await (await bed.startAgent()).stop()).toBe(0);
  });

  test('an agent.yml that is damaged is said by its place', async () => {
    const dataDir = join(bed.root, 'damaged');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'agent.yml'), 'name: x\n');
    const ended = await runAgentCli(['run', '--data-dir', dataDir]);
    expect(ended.code).toBe(64);
    expect(ended.stderr).toContain('agent.yml');
    await appendFile(join(dataDir, 'agent.yml'), ' : : [');
    expect((await runAgentCli(['run', '--data-dir', dataDir])).code).toBe(64);
  });
});
