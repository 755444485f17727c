import { existsSync, statSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AgentProcess, createBed, entry, file, type NodeBed, op } from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';
import { type KeystoreHome, keystoreHome, readEntries, writeEntries } from '../../support/keystore-stand-in.ts';

/** Who else writes keystores, and when: what they wrote stays, and is never called ours. */
const NAME = 'cluster.remote.us.credentials';
let home: KeystoreHome;
let bed: NodeBed;
let agent: AgentProcess;

const start = async (preamble?: string): Promise<void> => {
  home = await keystoreHome(preamble);
  bed = await createBed([], home.path);
  await bed.join();
  agent = await bed.startAgent();
};
afterEach(async () => {
  await bed[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

const isThere = (path: string) => () => existsSync(path);
const hold = (flag: string): string => `touch ${flag}; while [ -e ${flag} ]; do sleep 0.02; done`;

/** Owner, group and mode as of packages: the node reads the keystore as a member of its group. */
const OF_GROUP = [0, 34, 0o640];
const giveToGroup = async (): Promise<void> => {
  await chown(bed.keystore, 0, 34);
  await chmod(bed.keystore, 0o640);
};
const ownership = (): number[] => {
  const { uid, gid, mode } = statSync(bed.keystore);
  return [uid, gid, mode & 0o777];
};

/** The agent dies while the tool works, and the tool comes to its end without it. */
const crashBesideTool = async (password?: string): Promise<void> => {
  const [held, ended] = [join(home.path, 'held'), join(home.path, 'ended')];
  await home.at('writing', hold(held));
  await home.at('written', `touch ${ended}`);
  bed.gateway.send([entry(NAME, 'ours', password), file('a.crt', 'x')], { id: 'r/s/1' });
  await until('the tool works', isThere(held));
  await agent.crash();
  await rm(held);
  await until('the tool has written', isThere(ended));
};

describe('after a crash of the agent', () => {
  beforeEach(() => start());

  test.each([
    ['', undefined],
    ['protected ', 'phrase'],
  ])('what somebody else wrote since into the %skeystore stays', async (_, password) => {
    writeEntries(bed.configDir, { [NAME]: 'before', theirs: 'old' }, password);
    await crashBesideTool(password);
    const theirs = { [NAME]: 'ours', theirs: 'new' };
    writeEntries(bed.configDir, theirs, password);
    await bed.startAgent();
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(`${bed.keystore} is another than before`);
    expect(result.error?.message).toContain(NAME);
    expect(readEntries(bed.configDir)).toEqual(theirs);
    // What stands there is not taken for ours: the same again writes it anew.
    expect(await bed.gateway.deliver([entry(NAME, 'ours', password)])).toMatchObject({
      results: [{ changed: [NAME] }],
    });
  });

  test('a keystore that stays as it is has the owner and mode with which the node reads it', async () => {
    writeEntries(bed.configDir, { [NAME]: 'before' });
    await giveToGroup();
    await crashBesideTool();
    expect(ownership()).not.toEqual(OF_GROUP);
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'contested' });
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'ours' });
    expect(ownership()).toEqual(OF_GROUP);
  });

  test('a keystore that the tool is known to have made goes back', async () => {
    writeEntries(bed.configDir, { [NAME]: 'before', other: 'x' });
    await giveToGroup();
    const before = await readFile(bed.keystore);
    const held = join(home.path, 'held');
    // The removal is the second run of the tool.
    await home.at('written', `echo '${hold(held)}' > ${home.path}/writing`);
    const change = op('keystore', { set: [{ name: NAME, value: 'ours', reference: 'secret:a@1' }], remove: ['other'] });
    bed.gateway.send([change], { id: 'r/s/1' });
    await until('the tool removes', isThere(held));
    await agent.crash();
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'ours', other: 'x' });
    // Between two runs of the tool too.
    expect(ownership()).toEqual(OF_GROUP);
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'undone' });
    expect(await readFile(bed.keystore)).toEqual(before);
  });
});

describe('a keystore that somebody else writes while a step looks at it', () => {
  test.each([
    ['', undefined],
    ['protected ', 'phrase'],
  ])('is refused with nothing changed (%skeystore)', async (_, password) => {
    await start();
    const theirs = { [NAME]: 'before', theirs: 'new' };
    writeEntries(bed.configDir, theirs, password);
    const prepared = join(bed.root, 'theirs');
    await copyFile(bed.keystore, prepared);
    writeEntries(bed.configDir, { [NAME]: 'before' }, password);
    await home.at('listed', `mv ${prepared} ${bed.keystore}`);
    const result = await bed.gateway.deliver([entry(NAME, 'ours', password), file('a.crt', 'x')], { id: 'r/s/1' });
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'preflight-failed' } });
    expect(result.error?.message).toContain(`Somebody else wrote the keystore ${bed.keystore}`);
    expect(readEntries(bed.configDir)).toEqual(theirs);
    expect(existsSync(join(bed.configDir, 'a.crt'))).toBe(false);
    expect(await bed.gateway.deliver([entry(NAME, 'ours', password)])).toMatchObject({ outcome: 'done' });
    expect(readEntries(bed.configDir)).toEqual({ ...theirs, [NAME]: 'ours' });
  });

  test('is left to them when our write fails beside it', async () => {
    await start();
    writeEntries(bed.configDir, { [NAME]: 'before' });
    const prepared = join(bed.root, 'theirs');
    await copyFile(bed.keystore, prepared);
    writeEntries(bed.configDir, { [NAME]: 'before', mine: '1' });
    // `kill` ends the tool before it writes.
    await home.at('writing', `mv ${prepared} ${bed.keystore}; kill -9 $PPID`);
    const result = await bed.gateway.deliver([entry(NAME, 'ours')]);
    expect(result).toMatchObject({ outcome: 'contested' });
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'before' });
  });
});

describe('a wrapper that works on another keystore', () => {
  test('is found out, and the keystore that it seems to have written is named and left alone', async () => {
    await start('ES_PATH_CONF="$(dirname "$0")/../config"');
    const config = join(home.path, 'config');
    await mkdir(config);
    writeEntries(config, { theirs: 'x' });
    writeEntries(bed.configDir, { mine: 'y' });
    const result = await bed.gateway.deliver([entry(NAME, 'value')]);
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(`${NAME} went to another keystore`);
    expect(result.error?.message).toContain(join(config, 'elasticsearch.keystore'));
    expect(result.error?.message).not.toContain('as before');
    expect(readEntries(config)).toEqual({ theirs: 'x', [NAME]: 'value' });
    expect(readEntries(bed.configDir)).toEqual({ mine: 'y' });
  });
});
