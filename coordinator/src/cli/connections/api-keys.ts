import { RemoraError } from '@remora/shared/errors.ts';
import type { KeyList, KeyView } from '@remora/shared/model/keys/key-view.ts';
import { checkHandedKey } from '@remora/shared/model/requests/key-create-request.ts';
import {
  checkKeyRevokeRequest,
  checkKeyRotateRequest,
  DEFAULT_GRACE,
  type KeyRotateRequest,
} from '@remora/shared/model/requests/key-request.ts';
import { parseDuration } from '@remora/shared/model/values/duration.ts';
import { parseClusterName } from '@remora/shared/model/values/names.ts';
import { planAndCarryOut } from '../frame/change.ts';
import { addChangeFlags, type ChangeFlags } from '../frame/change-flags.ts';
import type { Cli } from '../frame/cli.ts';
import { given } from '../frame/input.ts';
import type { Register } from '../frame/register.ts';
import { keysTable } from '../show/api-keys.ts';
import { addCreateCommand } from './api-keys-create.ts';

interface ListFlags {
  readonly cluster?: string;
  readonly expiring?: string;
}

/** Keys that are valid, or were, and end before a moment; without one all. */
const isWanted = ({ cluster, expiring }: ListFlags): ((key: KeyView) => boolean) => {
  const before = expiring === undefined ? null : Date.now() + parseDuration(expiring);
  const wanted = cluster === undefined ? null : parseClusterName(cluster);
  return (key) =>
    (wanted === null || key.cluster === wanted) &&
    (before === null || (!key.invalidated && key.expiresAt !== null && Date.parse(key.expiresAt) <= before));
};

const list = async (cli: Cli, flags: ListFlags): Promise<void> => {
  const wanted = isWanted(flags);
  const { keys, problems } = await (await cli.client()).get<KeyList>('/api-keys');
  const shown = keys.filter(wanted);
  for (const problem of problems) cli.note(problem);
  cli.answer(shown, () => keysTable(shown, keys.length));
};

interface RotateFlags extends ChangeFlags {
  readonly expiring?: string;
  readonly due?: true;
  readonly all?: true;
  readonly expires?: string;
  readonly grace?: string;
}

const rotate = async (
  cli: Cli,
  local: string | undefined,
  alias: string | undefined,
  flags: RotateFlags,
): Promise<void> => {
  const { expiring, due, all, expires, grace } = flags;
  const waitOffline = flags.waitOffline === undefined ? undefined : true;
  const wish = given<KeyRotateRequest>({ local, alias, expiring, due, all, expires, grace, waitOffline });
  checkKeyRotateRequest(wish);
  await planAndCarryOut(cli, { address: '/api-keys/rotation', wish }, flags);
};

interface RevokeFlags extends ChangeFlags {
  readonly for?: string;
}

const revoke = async (cli: Cli, local: string, alias: string | undefined, flags: RevokeFlags): Promise<void> => {
  const { for: whom } = flags;
  if ((alias === undefined) === (whom === undefined))
    throw new RemoraError('bad-input', 'Which key? Give LOCAL and ALIAS of a connection, or REMOTE with --for NAME.');
  if (whom !== undefined) {
    checkHandedKey({ remote: local, for: whom });
    const wish = { remote: local, for: whom };
    await planAndCarryOut(cli, { address: '/api-keys/handed-out/revocation', wish }, flags);
  }
  if (alias === undefined) return;
  checkKeyRevokeRequest({ local, alias });
  await planAndCarryOut(cli, { address: '/api-keys/revocation', wish: { local, alias } }, flags);
};

export const register: Register = (command, cli) => {
  command
    .command('list')
    .description('list the cross-cluster API keys of all clusters, and which connections have them')
    .option('--cluster <name>', 'only those that this remote cluster made')
    .option('--expiring <time>', 'only those that end within this time, like 30d, or have ended')
    .action((flags: ListFlags) => list(cli, flags));
  const rotation = command
    .command('rotate')
    .description('give connections new keys without a gap: the old one goes once every node has proven the new one')
    .argument('[local]', 'the cluster that searches')
    .argument('[alias]', 'how it calls the other; without one, with --expiring, --due or --all, all of its connections')
    .option('--expiring <time>', 'keys that end within this time, like 14d, or have ended')
    .option('--due', 'keys of which two thirds of their life are over')
    .option('--all', 'all keys that were not invalidated')
    .option('--expires <time>', 'how long the new keys live, like 90d (default: as long as the old ones)')
    .option(
      '--grace <time>',
      'how long the old key lives on once it is not needed any more; 0s for not at all',
      DEFAULT_GRACE,
    );
  addChangeFlags(rotation);
  rotation.action((local: string | undefined, alias: string | undefined, flags: RotateFlags) =>
    rotate(cli, local, alias, flags),
  );
  const revocation = command
    .command('revoke')
    .description('invalidate the keys of a connection at once, which then stops: for a key that leaked')
    .argument('<local>', 'the cluster that searches; with --for the one that made the key')
    .argument('[alias]', 'how it calls the other')
    .option('--for <name>', 'instead of a connection: the keys that `api-keys create` made for them');
  addChangeFlags(revocation);
  revocation.action((local: string, alias: string | undefined, flags: RevokeFlags) => revoke(cli, local, alias, flags));
  addCreateCommand(command, cli);
};
