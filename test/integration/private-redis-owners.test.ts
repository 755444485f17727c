import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { client, isRunning, owner, scratch, start, until } from './private-redis-bed.ts';

describe('the owner of a data directory', () => {
  test('was killed -9: the next one adopts its Redis, and stops it in the end', async () => {
    const directory = scratch();
    const killed = await owner(directory);
    killed.process.kill('SIGKILL');
    await once(killed.process, 'exit');
    const { server } = await start(directory);
    expect(server.adopted).toBe(true);
    expect(server.pid()).toBe(killed.says.redis);
    const redis = client(server);
    await redis.set('key', 'value');
    let restarted = false;
    server.onRestart(() => {
      restarted = true;
    });
    process.kill(killed.says.redis ?? 0, 'SIGKILL');
    await until(() => restarted);
    expect(await redis.get('key')).toBe('value');
    const pid = server.pid() ?? 0;
    await server.stop();
    expect(isRunning(pid)).toBe(false);
  });

  test('was killed -9 and its Redis hangs: that one is ended, and a new one started on the data', async () => {
    const directory = scratch();
    const killed = await owner(directory);
    const pid = killed.says.redis ?? 0;
    killed.process.kill('SIGKILL');
    await once(killed.process, 'exit');
    process.kill(pid, 'SIGSTOP');
    const { server, messages } = await start(directory);
    expect(server.adopted).toBe(false);
    expect(isRunning(pid)).toBe(false);
    expect(messages.join('\n')).toContain(`(pid ${pid}) does not answer`);
  });

  test('lives: another one is refused by name, and one in the same process too', async () => {
    const directory = scratch();
    const first = await owner(directory);
    const second = await owner(directory);
    expect(second.says.error).toMatchObject({
      code: 'data-directory',
      message: `Another coordinator (pid ${first.process.pid}) uses the data directory: ${directory}/redis is claimed.`,
    });
    expect(isRunning(first.says.redis ?? 0)).toBe(true);
    await expect(start(directory)).rejects.toThrow(`pid ${first.process.pid}`);
    const elsewhere = scratch();
    await start(elsewhere);
    await expect(start(elsewhere)).rejects.toThrow('This process has opened the data directory already.');
  });

  test('of several that start at once on what a dead one left, one at most wins, and there is one Redis', async () => {
    const directory = scratch();
    const dead = await owner(directory);
    process.kill(dead.says.redis ?? 0, 'SIGKILL');
    dead.process.kill('SIGKILL');
    await once(dead.process, 'exit');
    const all = await Promise.all(Array.from({ length: 5 }, () => owner(directory)));
    const winners = all.filter(({ says }) => says.redis !== undefined);
    expect(winners.length).toBeLessThanOrEqual(1);
    for (const { says } of all) if (says.error) expect(says.error.message).toMatch(/^Another coordinator \(pid /);
  });

  test('stops its Redis at SIGTERM, and Redis is in its process group', async () => {
    const { process: child, says } = await owner(scratch());
    const groupOf = (pid: number): string | undefined =>
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[2];
    expect(groupOf(says.redis ?? 0)).toBe(groupOf(child.pid ?? 0));
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(isRunning(says.redis ?? 0)).toBe(false);
  });

  test('a claim of a process id that was given to another process does not count', async () => {
    const directory = scratch();
    mkdirSync(join(directory, 'redis'), { mode: 0o700 });
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    writeFileSync(join(directory, 'redis', `claim-1-999999999-${boot}`), '');
    writeFileSync(join(directory, 'redis', `claim-${process.ppid}-1-00000000`), '');
    await start(directory);
    expect(readdirSync(join(directory, 'redis')).filter((name) => name.startsWith('claim'))).toHaveLength(1);
  });
});
