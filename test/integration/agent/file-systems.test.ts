import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { copyFile, lstat, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type AgentProcess,
  createBed,
  file,
  inspection,
  type NodeBed,
  restart,
  setting,
} from '../../support/agent-harness.ts';
import { until } from '../../support/fake-gateway.ts';

/** Disks and mounts as operators have them. Mounting takes root and a kernel that lets it. */
const mount = (...args: string[]): void => {
  execFileSync('mount', args, { stdio: 'pipe' });
};
const canMount = ((): boolean => {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();

let bed: NodeBed;
const mounted: string[] = [];

afterEach(async () => {
  for (const path of mounted.splice(0).reverse()) execFileSync('umount', ['--lazy', path]);
  await bed[Symbol.asyncDispose]();
});

const start = async (): Promise<void> => {
  await bed.join();
  await bed.startAgent();
};

const facts = async (): Promise<NodeFacts> =>
  (await bed.gateway.deliver([inspection()], { fence: 0 })).results[0] as NodeFacts;

const configOnTmpfs = async (size: string): Promise<void> => {
  const yml = await bed.yml();
  mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', bed.configDir);
  mounted.push(bed.configDir);
  await writeFile(bed.settingsFile, yml);
};

const startOnSmallDisk = async (): Promise<AgentProcess> => {
  bed = await createBed(['cheap.stop.ms: 1000']);
  await mkdir(bed.dataDir, { mode: 0o700 });
  mount('-t', 'tmpfs', '-o', 'size=4m,mode=700', 'tmpfs', bed.dataDir);
  mounted.push(bed.dataDir);
  await bed.startNode();
  await bed.join();
  return bed.startAgent();
};

const fillDiskDuringStop = async (agent: AgentProcess): Promise<string> => {
  await until('the node is being stopped', () => bed.record()?.phase === 'restarting');
  const filler = join(bed.dataDir, 'filler');
  await expect(writeFile(filler, Buffer.alloc(8 * 1024 * 1024))).rejects.toMatchObject({ code: 'ENOSPC' });
  await until('the agent waits for room', () => agent.stderr().includes('cannot be recorded, trying again'));
  return filler;
};

describe.skipIf(!canMount)('mounts', () => {
  test('a read-only configuration directory is refused before anything changed', async () => {
    bed = await createBed();
    await configOnTmpfs('16m');
    await start();
    expect((await facts()).configDirRefusal).toBeNull();
    mount('-o', 'remount,ro', bed.configDir);
    const result = await bed.gateway.deliver([setting({ a: 1 })]);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'node-read-only' } });
    expect(result.error?.message).toContain(bed.configDir);
    expect((await facts()).configDirRefusal).toContain('cannot be written');
  });

  test('a full disk is refused before anything changed', async () => {
    bed = await createBed();
    await configOnTmpfs('8m');
    await start();
    await writeFile(join(bed.configDir, 'filler'), Buffer.alloc(6 * 1024 * 1024));
    const result = await bed.gateway.deliver([file('a.crt', 'x'), setting({ a: 1 })]);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'node-read-only' } });
    expect(result.error?.message).toContain('free space');
    expect((await facts()).configDirRefusal).toContain('free space');
  });

  test('each directory that a step writes in is tried before anything changed, wherever links lead', async () => {
    bed = await createBed();
    const elsewhere = join(bed.root, 'elsewhere');
    const certs = join(bed.configDir, 'certs');
    for (const path of [elsewhere, certs]) {
      await mkdir(path);
      mount('-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', path);
      mounted.push(path);
    }
    await copyFile(bed.settingsFile, join(elsewhere, 'es.yml'));
    await rm(bed.settingsFile);
    await symlink(join(elsewhere, 'es.yml'), bed.settingsFile);
    await start();
    expect((await facts()).configDirRefusal).toBeNull();
    expect(await bed.gateway.deliver([file('certs/new/a.crt', 'x'), setting({ a: 1 })])).toMatchObject({
      outcome: 'done',
    });
    mount('-o', 'remount,ro', elsewhere);
    mount('-o', 'remount,ro', certs);
    for (const [directory, operation] of [
      [elsewhere, setting({ a: 2 })],
      [certs, file('certs/b.crt', 'x')],
      [certs, file('certs/other/b.crt', 'x')],
    ] as const) {
      const result = await bed.gateway.deliver([operation]);
      expect(result).toMatchObject({ outcome: 'refused', error: { code: 'node-read-only' } });
      expect(result.error?.message).toContain(`${directory} cannot be written`);
    }
    expect((await facts()).configDirRefusal).toContain(`${elsewhere} cannot be written`);
  });

  test('a bind-mounted elasticsearch.yml is refused by name', async () => {
    bed = await createBed();
    const outside = join(bed.root, 'outside.yml');
    await writeFile(outside, await bed.yml());
    mount('--bind', outside, bed.settingsFile);
    mounted.push(bed.settingsFile);
    await start();
    const result = await bed.gateway.deliver([setting({ a: 1 })]);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'node-read-only' } });
    expect(result.error?.message).toContain(bed.settingsFile);
    expect((await facts()).configDirRefusal).toContain(bed.settingsFile); // known before a run begins
  });

  test.each([
    ['done', 'starts', {}],
    ['undone', 'does not start and is started again as it was', { 'cheap.broken': true }],
  ])(
    "the agent's disk that is full while the node is stopped: %s, since the node %s, and answered when it is recorded",
    async (outcome, _, set) => {
      const agent = await startOnSmallDisk();
      const before = bed.nodePid();
      bed.gateway.send([setting({ a: 1, ...set }), restart()], { id: 'r/s/1' });
      const filler = await fillDiskDuringStop(agent);
      expect(bed.nodePid()).not.toBe(before);
      expect(await bed.answers()).toBe(true);
      expect(bed.record()?.phase).toBe('restarting');
      expect(bed.gateway.received.some(({ type }) => type === 'result')).toBe(false);
      await rm(filler);
      expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome });
      expect((await bed.yml()).includes('a: 1')).toBe(outcome === 'done');
      expect(bed.record()?.phase).toBe('finished');
    },
  );

  test('an undo that could not be recorded before the agent died is gone on with', async () => {
    const agent = await startOnSmallDisk();
    const yml = await bed.yml();
    bed.gateway.send([setting({ 'cheap.broken': true }), restart()], { id: 'r/s/1' });
    const filler = await fillDiskDuringStop(agent);
    await agent.crash();
    await rm(filler);
    await bed.startAgent();
    expect(await bed.gateway.result('r/s/1')).toMatchObject({ outcome: 'undone' });
    expect(await bed.yml()).toBe(yml);
    expect(await bed.answers()).toBe(true);
    expect(bed.nodeCount()).toBe(1);
  });
});

describe('symlinks', () => {
  test('elasticsearch.yml is written where it really is, as pinned at join', async () => {
    bed = await createBed();
    const elsewhere = join(bed.root, 'elsewhere');
    await mkdir(elsewhere);
    await rename(bed.settingsFile, join(elsewhere, 'es.yml'));
    await symlink(join(elsewhere, 'es.yml'), bed.settingsFile);
    await start();
    expect(await bed.gateway.deliver([setting({ a: 1 })])).toMatchObject({ outcome: 'done' });
    expect((await lstat(bed.settingsFile)).isSymbolicLink()).toBe(true);
    expect(await readFile(join(elsewhere, 'es.yml'), 'utf8')).toContain('a: 1');

    await writeFile(join(elsewhere, 'other.yml'), await bed.yml());
    await symlink(join(elsewhere, 'other.yml'), join(bed.configDir, 'turned'));
    await rename(join(bed.configDir, 'turned'), bed.settingsFile);
    const result = await bed.gateway.deliver([setting({ a: 2 })]);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'node-read-only' } });
    expect(result.error?.message).toContain(realpathSync(join(elsewhere, 'other.yml')));
  });

  test('where they lead is told of the files that are looked at', async () => {
    bed = await createBed();
    await writeFile(join(bed.configDir, 'one.crt'), 'x');
    await symlink('one.crt', join(bed.configDir, 'other.crt'));
    await start();
    const look = inspection({ settings: [], files: ['one.crt', 'other.crt', 'none.crt'], keystore: false });
    const { results } = await bed.gateway.deliver([look], { fence: 0 });
    const real = realpathSync(join(bed.configDir, 'one.crt'));
    expect((results[0] as NodeFacts).files.map(({ realPath }) => realPath)).toEqual([real, real, undefined]);
  });

  test('a path that a symlink leads out of the directory is refused', async () => {
    bed = await createBed();
    await mkdir(join(bed.root, 'out'));
    await symlink(join(bed.root, 'out'), join(bed.configDir, 'certs'));
    await writeFile(join(bed.root, 'out/target'), 'untouched');
    await symlink(join(bed.root, 'out/target'), join(bed.configDir, 'link.crt'));
    await start();
    for (const path of ['certs/x.crt', 'link.crt']) {
      expect(await bed.gateway.deliver([file(path, 'x')])).toMatchObject({
        outcome: 'refused',
        error: { code: 'bad-input' },
      });
    }
    expect(await readFile(join(bed.root, 'out/target'), 'utf8')).toBe('untouched');
  });
});
