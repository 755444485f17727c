import { existsSync, statSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { folderOf } from '../../../agent/src/journal/record.ts';
import { allPids, argumentsOf } from '../../../agent/src/system/process-table.ts';
import { type AgentProcess, createBed, entry, file, type NodeBed, op } from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';
import { readEntries, writeEntries } from '../../support/keystore-file.ts';
import { type KeystoreHome, keystoreHome } from '../../support/keystore-stand-in.ts';

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

  test('the entries of the step go back, and what somebody else wrote since stays', async () => {
    writeEntries(bed.configDir, { [NAME]: 'before', theirs: 'old' });
    await giveToGroup();
    await crashBesideTool();
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'ours', theirs: 'old' });
    writeEntries(bed.configDir, { [NAME]: 'ours', theirs: 'new', added: 'x' });
    await bed.startAgent();
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'undone', error: { code: 'step-failed' } });
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'before', theirs: 'new', added: 'x' });
    expect(ownership()).toEqual(OF_GROUP);
    // What stands there is not taken for ours: the same again writes it anew.
    expect(await bed.gateway.deliver([entry(NAME, 'ours')])).toMatchObject({ results: [{ changed: [NAME] }] });
  });

  test('an entry of the step that somebody else overwrote since is contested, and the others go back', async () => {
    writeEntries(bed.configDir, { [NAME]: 'before', removed: 'r' });
    await crashBesideTool();
    writeEntries(bed.configDir, { [NAME]: 'another', removed: 'r' });
    await bed.startAgent();
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(`in the keystore ${bed.keystore} the entries ${NAME} stay as they are`);
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'another', removed: 'r' });
  });

  test('a protected keystore that the tool wrote stays as it is, with the owner and mode with which the node reads it', async () => {
    writeEntries(bed.configDir, { [NAME]: 'before' }, 'phrase');
    await giveToGroup();
    await crashBesideTool('phrase');
    expect(ownership()).not.toEqual(OF_GROUP);
    await bed.startAgent();
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(`${bed.keystore} is another than before and protected by a password`);
    expect(result.error?.message).toContain(NAME);
    expect(readEntries(bed.configDir, 'phrase')).toEqual({ [NAME]: 'ours' });
    expect(ownership()).toEqual(OF_GROUP);
    expect(await bed.gateway.deliver([entry(NAME, 'ours', 'phrase')])).toMatchObject({
      results: [{ changed: [NAME] }],
    });
  });

  test.each([
    ['goes again', {}],
    ['loses only our entry', { theirs: 'x' }],
  ])('a keystore that was not there before %s', async (_, theirs) => {
    await crashBesideTool();
    writeEntries(bed.configDir, { ...readEntries(bed.configDir), ...theirs });
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'undone' });
    expect(readEntries(bed.configDir)).toEqual(theirs);
    expect(existsSync(bed.keystore)).toBe('theirs' in theirs);
  });

  test('a keystore that was not there before stays when somebody else writes an entry while the undo looks at it', async () => {
    await crashBesideTool();
    const [made, prepared] = [await readFile(bed.keystore), join(bed.root, 'theirs')];
    writeEntries(bed.configDir, { [NAME]: 'ours', theirs: 'x' });
    await copyFile(bed.keystore, prepared);
    await writeFile(bed.keystore, made);
    await home.at('listed', `mv ${prepared} ${bed.keystore}`);
    await bed.startAgent();
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(`Somebody else wrote the keystore ${bed.keystore}`);
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'ours', theirs: 'x' });
  });

  test('an entry of which an agent of an earlier version kept nothing stays, and nobody is blamed for it', async () => {
    writeEntries(bed.configDir, { [NAME]: 'before' });
    await crashBesideTool();
    const path = join(folderOf(join(bed.dataDir, 'journal'), 'r/s/1'), 'record.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/,\s*"hmac": "[0-9a-f]+"/, ''));
    expect(await readFile(path, 'utf8')).not.toContain('"hmac"');
    await bed.startAgent();
    const result = await bed.gateway.result('r/s/1');
    expect(result).toMatchObject({ outcome: 'contested', error: { code: 'step-contested' } });
    expect(result.error?.message).toContain(`the entries ${NAME} stay as they are: the agent that began this step`);
    expect(result.error?.message).not.toContain('somebody else');
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'ours' });
  });

  test('a second crash, while entries are put back, changes nothing of that', async () => {
    writeEntries(bed.configDir, { [NAME]: 'before' });
    await crashBesideTool();
    const held = join(home.path, 'held');
    await home.at('writing', hold(held));
    const starting = bed.startAgent();
    await until('the tool works', isThere(held));
    for (const pid of allPids().filter((one) => argumentsOf(one).includes(bed.dataDir))) process.kill(pid, 'SIGKILL');
    await expect(starting).rejects.toThrow('the agent ended');
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'ours' });
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'undone' });
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: 'before' });
    expect(allPids().filter((pid) => argumentsOf(pid).includes(home.path))).toEqual([]);
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
    expect(readEntries(bed.configDir, password)).toEqual(theirs);
    expect(existsSync(join(bed.configDir, 'a.crt'))).toBe(false);
    expect(await bed.gateway.deliver([entry(NAME, 'ours', password)], { id: 'r/s/2' })).toMatchObject({
      outcome: 'done',
    });
    expect(readEntries(bed.configDir, password)).toEqual({ ...theirs, [NAME]: 'ours' });
    const record = await readFile(join(folderOf(join(bed.dataDir, 'journal'), 'r/s/2'), 'record.json'), 'utf8');
    expect(record).toContain(NAME);
    expect(record).not.toMatch(/"hmac": "[^"]/);
  });

  // A value with a line break is one that was put there as a file.
  test.each(['before', 'as a\nfile'])('is left to them when our write fails beside it (%j)', async (value) => {
    await start();
    writeEntries(bed.configDir, { [NAME]: value });
    const prepared = join(bed.root, 'theirs');
    await copyFile(bed.keystore, prepared);
    writeEntries(bed.configDir, { [NAME]: value, mine: '1' });
    // `kill` ends the tool before it writes.
    await home.at('writing', `mv ${prepared} ${bed.keystore}; kill -9 $PPID`);
    const result = await bed.gateway.deliver([entry(NAME, 'ours')]);
    // Nothing of the step stands in what they wrote.
    expect(result).toMatchObject({ outcome: 'undone' });
    expect(readEntries(bed.configDir)).toEqual({ [NAME]: value });
  });

  test('goes again when it is the empty one that the tool made before it was ended', async () => {
    await start();
    writeEntries(bed.configDir, { 'keystore.seed': 'x' });
    const made = join(bed.root, 'made');
    await rename(bed.keystore, made);
    await home.at('writing', `mv ${made} ${bed.keystore}; kill -9 $PPID`);
    expect(await bed.gateway.deliver([entry(NAME, 'ours')])).toMatchObject({ outcome: 'undone' });
    expect(existsSync(bed.keystore)).toBe(false);
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
