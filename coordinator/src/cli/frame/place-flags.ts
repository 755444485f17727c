import type { Command } from 'commander';

/** Flags that say where a coordinator keeps what it has, for commands that need none that runs. */
export const addPlaceFlags = (command: Command): Command =>
  command
    .option('--config <file>', "the coordinator's configuration file; flags win over it")
    .option('--data-dir <dir>', "the coordinator's data directory")
    .option('--redis-url <url>', 'the shared Redis, where there is one')
    .option('--sealing-key <file>', 'the key that seals secrets (default: DIR/sealing.key)');
