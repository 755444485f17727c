import { asRemoraError } from '@remora/shared/errors.ts';
import { Command, CommanderError } from 'commander';
import type { JoinOptions } from './identity/join.ts';
import { AGENT_VERSION } from './version.ts';

/** `remora agent`: exit codes are 0, 1 failed, 64 bad input (nothing was changed), 69 coordinator unreachable, 77 token refused. */
const EXIT_BAD_INPUT = 64;

const buildProgram = (): Command => {
  const program = new Command('remora agent')
    .description('The agent that sits beside one Elasticsearch node and carries out what its coordinator asks.')
    .version(AGENT_VERSION)
    .exitOverride();
  program
    .command('join')
    .description('enrol with a one-time token and write DIR/agent.yml')
    .requiredOption('--token-file <FILE>', 'file with the token of `remora tokens create`, or - for stdin')
    .requiredOption('--data-dir <DIR>', "the agent's own directory, one for each node")
    .option('--name <NAME>', "the node's name (default: node.name of elasticsearch.yml)")
    .option('--es-home <DIR>', 'where bin/elasticsearch-keystore is (default: /usr/share/elasticsearch)')
    .option('--es-config <DIR>', 'where elasticsearch.yml is (default: /etc/elasticsearch)')
    .option('--es-url <URL>', "the node's own HTTP address (default: from elasticsearch.yml)")
    .option('--es-ca <FILE>', "CA of the node's HTTP certificate (default: certs/http_ca.crt, else the system's)")
    .option('--systemd <UNIT>', 'the unit that runs the node (default: elasticsearch.service when it exists)')
    .option('--start <CMD>', 'a command that starts the node, split on spaces, without a shell')
    .option('--stop <CMD>', 'a command that stops the node')
    .option('--owner <USER:GROUP>', 'owner of new files (default: as elasticsearch.yml)')
    .option('--force', 'let an agent that is enrolled already change to another node, cluster or coordinator')
    .exitOverride()
    .action(async (options: JoinOptions) => (await import('./identity/join.ts')).joinAgent(options));
  program
    .command('run')
    .description('connect to the coordinator and serve until SIGTERM')
    .requiredOption('--data-dir <DIR>', 'the directory that `join` wrote')
    .exitOverride()
    .action(async ({ dataDir }: { dataDir: string }) => (await import('./run.ts')).runAgent(dataDir));
  return program;
};

const main = async (): Promise<number> => {
  try {
    await buildProgram().parseAsync();
    return 0;
  } catch (error) {
    // Commander has said what is wrong, and asks for 0 after --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_BAD_INPUT;
    const { message, hint, kind } = asRemoraError(error);
    process.stderr.write(`${message}\n${hint}\n`);
    return kind.exit;
  }
};

process.exitCode = await main();
