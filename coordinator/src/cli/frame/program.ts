import { RemoraError } from '@remora/shared/errors.ts';
import { Command, CommanderError } from 'commander';
import type { Cli } from './cli.ts';
import { addLaterCommands, laterCommands } from './later.ts';
import type { Register } from './register.ts';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly register: Register }>;
}

/** Loaded only when called, so that help and small commands start at once. */
const commands: Readonly<Record<string, Entry>> = {
  coordinator: { summary: 'run a coordinator', load: () => import('../coordinator/coordinator.ts') },
  agent: { summary: 'join a node to the fleet, or run its agent', load: () => import('../fleet/agent.ts') },
  login: { summary: 'remember a coordinator and how to log in', load: () => import('../coordinator/login.ts') },
  clusters: { summary: 'add, list, show and remove clusters', load: () => import('../fleet/clusters.ts') },
  clouds: {
    summary: 'add, list, show and remove organizations in Elastic Cloud',
    load: () => import('../fleet/clouds.ts'),
  },
  tokens: { summary: 'make one-time tokens for agents to join with', load: () => import('../coordinator/tokens.ts') },
  nodes: { summary: 'list, show and remove nodes', load: () => import('../fleet/nodes.ts') },
  connect: { summary: 'connect a local cluster to a remote one', load: () => import('../connections/connect.ts') },
  migrate: {
    summary: 'bring a connection by certificate to API keys',
    load: () => import('../connections/migrate.ts'),
  },
  disconnect: { summary: 'take a connection apart', load: () => import('../connections/disconnect.ts') },
  adopt: { summary: 'take over a connection that people made by hand', load: () => import('../connections/adopt.ts') },
  connections: { summary: 'list, show and prove connections', load: () => import('../connections/connections.ts') },
  'api-keys': {
    summary: 'list, replace and revoke the keys of connections',
    load: () => import('../connections/api-keys.ts'),
  },
  roles: {
    summary: 'make, list, check and remove roles with which users use connections',
    load: () => import('../connections/roles.ts'),
  },
  restart: { summary: 'restart the nodes of a cluster one by one', load: () => import('../fleet/restart.ts') },
  plans: { summary: 'list and show plans', load: () => import('../runs/plans.ts') },
  apply: { summary: 'carry out a plan as it was shown', load: () => import('../runs/apply.ts') },
  runs: {
    summary: 'list, show, watch, cancel, resume, continue and roll back runs',
    load: () => import('../runs/runs.ts'),
  },
  secrets: { summary: 'set, list and remove secrets', load: () => import('../coordinator/secrets.ts') },
  audit: { summary: 'list, verify and export the audit log', load: () => import('../coordinator/audit.ts') },
  ca: { summary: 'create, import, list, export and remove CAs', load: () => import('../certificates/ca.ts') },
  'trust-restrictions': {
    summary: 'restrict whom the nodes of a cluster let in on their transport ports',
    load: () => import('../certificates/trust-restrictions.ts'),
  },
  certs: { summary: 'list and replace certificates of nodes', load: () => import('../certificates/certs.ts') },
  schedules: {
    summary: 'add, list, show, pause, resume, run and remove schedules',
    load: () => import('../runs/schedules.ts'),
  },
  notify: { summary: 'send failures and reports of schedules to a webhook', load: () => import('../runs/notify.ts') },
  fleet: { summary: 'show the fleet CA, and replace it', load: () => import('../fleet/fleet.ts') },
  backup: { summary: 'write all that a coordinator has to a file', load: () => import('../coordinator/backup.ts') },
  restore: { summary: 'make a new coordinator of a back-up', load: () => import('../coordinator/restore.ts') },
  doctor: {
    summary: 'check coordinator, Redis, agents, clusters and clocks',
    load: () => import('../coordinator/doctor.ts'),
  },
};

const environment = `
Environment:
  REMORA_URL         address of the coordinator, https://HOST:PORT
  REMORA_TOKEN       the token to log in with, or
  REMORA_TOKEN_FILE  a file that holds it
  REMORA_CA          PEM file of the CA that signed the coordinator's certificate (fleet-ca.crt)

Exit codes: 0 done, 1 failed, 2 changes pending (--check), 64 bad input or refused before anything changed,
            69 coordinator unreachable, 77 not allowed`;

/** The program with the one command that the arguments call registered whole, the others by name and summary. */
const buildProgram = async (args: readonly string[], cli: Cli): Promise<Command> => {
  const program = new Command('remora')
    .description('Rolls Elasticsearch remote-cluster configuration over fleets of nodes.')
    .option('--json', 'exactly one JSON document on stdout, everything else on stderr')
    .addHelpText('after', environment)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .showSuggestionAfterError(true);
  const called = args.find((arg) => !arg.startsWith('-'));
  const wanted = called === 'help' ? args.filter((arg) => !arg.startsWith('-'))[1] : called;
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary);
    if (name === wanted) (await load()).register(command, cli);
  }
  addLaterCommands(program, laterCommands);
  return program;
};

const usageError = (error: CommanderError, args: readonly string[]): RemoraError => {
  const name = args.find((arg) => Object.hasOwn(commands, arg));
  const help = name ? `remora ${name} --help` : 'remora --help';
  const sentence = error.message.replace(/^error: /, '').replace(/\.?\s*$/, '.');
  if (error.code === 'commander.help') {
    return new RemoraError('bad-input', `\`remora${name ? ` ${name}` : ''}\` needs a command.`, {
      hint: `\`${help}\` lists them.`,
    });
  }
  return new RemoraError('bad-input', `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`, {
    hint: `See \`${help}\`.`,
  });
};

/** Parses the arguments and carries the command out. Throws RemoraError; help and version count as done. */
export const runProgram = async (args: readonly string[], cli: Cli): Promise<void> => {
  try {
    const program = await buildProgram(args, cli);
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return;
    if (error.code === 'commander.help' && error.exitCode === 0) return;
    throw usageError(error, args);
  }
};
