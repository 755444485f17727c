import type { CoordinatorFlags } from '../../config.ts';
import type { Register } from '../frame/register.ts';

export const register: Register = (command) => {
  command
    .option(
      '--config <file>',
      'YAML file with the keys data-dir, listen, redis-url, public-url, sealing-key and agent-cert-life; flags win over it',
    )
    .option('--data-dir <dir>', 'where admin.token, fleet-ca.crt and the private Redis live')
    .option('--listen <host:port>', 'address for operators and agents (default: 127.0.0.1:8600)')
    .option(
      '--redis-url <url>',
      'a shared Redis instead of a private one; put a URL with a password into the config file',
    )
    .option('--public-url <url>', 'where agents reach this coordinator (default: the listen address)')
    .option('--sealing-key <file>', 'the key that seals secrets (default: DIR/sealing.key)')
    .option('--agent-cert-life <time>', 'how long the certificates of agents live (default: 365d)')
    .addHelpText('after', '\nThe first line on stdout is `ready https://HOST:PORT`; logs are JSON lines on stderr.')
    .action(async (flags: CoordinatorFlags) => {
      const { runCoordinator } = await import('../../main.ts');
      await runCoordinator(flags);
    });
};
