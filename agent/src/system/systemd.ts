import { run, spawnDetached } from './exec.ts';
import type { ServiceManager } from './service-manager.ts';

/** The packages' unit may take 900 s to start and has no limit to stop; the agent's own limits are stricter, this one only ends a hanging systemctl. */
const CALL_LIMIT_MS = 20 * 60_000;
const QUERY_LIMIT_MS = 10_000;

const property = async (unit: string, name: string): Promise<string> =>
  (
    await run('systemctl', ['show', '--property', name, '--value', '--', unit], { timeoutMs: QUERY_LIMIT_MS })
  ).stdout.trim();

const sentence = (text: string): string => text.trim().split('\n').slice(-3).join(' ');

/** systemd, by systemctl(1). Needs the right to manage the unit: root, or a polkit rule for the agent's user. */
export const systemdService = (unit: string): ServiceManager => ({
  description: `systemd unit ${unit}`,

  async stop() {
    const ended = await run('systemctl', ['stop', '--', unit], { timeoutMs: CALL_LIMIT_MS });
    if (ended.code !== 0) throw new Error(`systemctl stop ${unit} ended with ${ended.code}: ${sentence(ended.stderr)}`);
  },

  start(logFile) {
    // Not `--no-block`: systemctl's exit code is how a Type=notify unit says that the node failed.
    const child = spawnDetached('systemctl', ['start', '--', unit], { logFile });
    return {
      ended: child.ended.then(({ code, why }) => (code === 0 ? null : `systemctl start ${unit} ${why}`)),
    };
  },

  async failure() {
    return (await property(unit, 'ActiveState')) === 'failed'
      ? `the unit ${unit} failed (${await property(unit, 'Result')})`
      : null;
  },

  async mainPid() {
    const pid = Number(await property(unit, 'MainPID'));
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  },

  async recentOutput(sinceMs) {
    const since = `@${Math.floor(sinceMs / 1000)}`;
    const args = ['--unit', unit, '--since', since, '--lines', '20', '--no-pager', '--output', 'cat'];
    return (await run('journalctl', args, { timeoutMs: QUERY_LIMIT_MS })).stdout.trim();
  },

  async check() {
    const state = await run('systemctl', ['show', '--property', 'LoadState', '--value', '--', unit], {
      timeoutMs: QUERY_LIMIT_MS,
    });
    if (state.code !== 0) return `systemctl does not work here: ${sentence(state.stderr)}`;
    const load = state.stdout.trim();
    return load === 'loaded' ? null : `systemd does not know the unit ${unit} (${load || 'no answer'})`;
  },
});
