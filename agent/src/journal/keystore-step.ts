import { constants, open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { AgentContext } from '../context.ts';
import { otherKeystores } from '../keystore/other-keystore.ts';
import { TOOL_TEMPORARY } from '../keystore/tool.ts';
import { digestOfFile, syncDirectory } from '../system/durable-file.ts';
import { allPids, argumentsOf, sharesMounts, variableOf } from '../system/process-table.ts';
import { realPathOf } from '../system/real-path.ts';
import type { KeystoreDraft } from './draft.ts';
import { type KeystoreChange, keystoreLogPath } from './record.ts';

/** A new keystore gets the mode that Elasticsearch gives it. */
const NEW_MODE = 0o660;

const PATH_CONF = '-Des.path.conf=';

const isTool = (pid: number): boolean =>
  argumentsOf(pid).some((arg) => /keystore-cli|KeystoreCli|elasticsearch-keystore|KeyStoreCli/.test(arg));

/** Whether a tool says that it works on another node's keystore; of one in another mount namespace a path says nothing. */
const worksElsewhere = (pid: number, configDir: string): boolean => {
  const argument = argumentsOf(pid).find((arg) => arg.startsWith(PATH_CONF));
  const named = argument?.slice(PATH_CONF.length) ?? variableOf(pid, 'ES_PATH_CONF');
  return named !== null && sharesMounts(pid) && realPathOf(named) !== realPathOf(configDir);
};

const aToolRuns = (configDir: string): boolean =>
  allPids().some((pid) => isTool(pid) && !worksElsewhere(pid, configDir));

/** What a writer that died left behind makes the next write fail. While a tool runs it may be that tool's, and stays. */
export const removeLeftOver = async (configDir: string): Promise<void> => {
  if (!aToolRuns(configDir)) await rm(join(configDir, TOOL_TEMPORARY), { force: true });
};

/** The tool gives every file it writes mode 0660 and the group of whoever runs it, or of a setgid directory. Changes no byte. */
export const restoreOwner = async (context: AgentContext, change: KeystoreChange): Promise<void> => {
  const { owner, settingsFile } = context.config.elasticsearch;
  const wanted = change.before ?? { ...(owner ?? (await stat(settingsFile))), mode: NEW_MODE };
  // Not through a symlink or a pipe: whoever owns the directory could name a file there that is not his.
  const handle = await open(change.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const now = await handle.stat();
    if (now.uid !== wanted.uid || now.gid !== wanted.gid) await handle.chown(wanted.uid, wanted.gid);
    await handle.chmod(wanted.mode & 0o7777);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncDirectory(dirname(change.path));
};

/** Refuses a keystore that is not the one that was looked at: somebody else wrote it meanwhile, and that must not be lost. */
export const refuseOther = (path: string, looked: string | null, now: string | null): void => {
  if (now === looked) return;
  throw new RemoraError('preflight-failed', `Somebody else wrote the keystore ${path} while this step looked at it.`, {
    hint: 'Give the same command again: it is planned with what stands there now.',
  });
};

/** The last look before the tool starts: the file has to be what was planned for, or what the tool made of it just now. */
export const refuseForeignWrite = async ({ path, before, after }: KeystoreChange): Promise<void> =>
  refuseOther(path, after ?? before?.digest ?? null, await digestOfFile(path));

const digestsOf = (paths: readonly string[]): Promise<(string | null)[]> =>
  Promise.all(paths.map((path) => digestOfFile(path).catch(() => null)));

/** Runs the tool and sees to it that it was this node's keystore, and no other, that it wrote. */
const runTool = async (context: AgentContext, change: KeystoreChange, names: string, tool: () => Promise<void>) => {
  const { home, configDir } = context.config.elasticsearch;
  const others = await otherKeystores(home, configDir);
  const were = await digestsOf(others);
  await refuseForeignWrite(change);
  await tool();
  const digest = await digestOfFile(change.path);
  if (digest !== null && digest !== (change.after ?? change.before?.digest)) return digest;
  const are = await digestsOf(others);
  const suspects = others.filter((_, index) => are[index] !== were[index]);
  // Not put back: another agent, or a person, may be the one who wrote it.
  throw new RemoraError(
    'step-contested',
    `elasticsearch-keystore ended without an error, but ${change.path} is not changed: ${names} went to another keystore, ${suspects.length === 0 ? 'and nothing says to which' : `as it seems to ${suspects.join(', ')}`}.`,
    { hint: `Look at what ${context.keystore.tool.path} sets ES_PATH_CONF to, and put that keystore right by hand.` },
  );
};

/**
 * Writes the keystore: all entries in one `add`, all removals in one `remove`. `wrote` gets the digest after each. Returns the last one.
 */
export const writeKeystore = async (
  context: AgentContext,
  folder: string,
  change: KeystoreChange,
  draft: Pick<KeystoreDraft, 'set' | 'remove' | 'password'>,
  wrote: (digest: string) => Promise<void>,
): Promise<string> => {
  const { tool } = context.keystore;
  const { remove, password } = draft;
  const log = keystoreLogPath(folder);
  await removeLeftOver(context.config.elasticsearch.configDir);
  const runs = [
    { names: draft.set.map(({ name }) => name), run: () => tool.add(draft.set, password, log) },
    { names: remove, run: () => tool.remove(remove, password, log) },
  ];
  let digest = '';
  for (const { names, run } of runs.filter(({ names }) => names.length > 0)) {
    digest = await runTool(context, change, names.join(', '), run);
    await restoreOwner(context, change);
    await wrote(digest);
  }
  return digest;
};

/** Takes the written entries into the ledger, with the digest that makes it true. */
export const noteKeystore = async (
  context: AgentContext,
  change: KeystoreChange,
  draft: KeystoreDraft,
  digest: string,
  nowMs: number,
): Promise<void> => {
  const entries = { ...change.ledgerBefore.entries };
  for (const name of draft.remove) delete entries[name];
  for (const { name, reference, value } of draft.set) {
    if (reference === null) delete entries[name];
    else entries[name] = { reference, hmac: context.ledger.hmac(name, value), writtenAtMs: nowMs };
  }
  for (const { name, reference } of draft.renamed) {
    const known = entries[name];
    if (known) entries[name] = { ...known, reference };
  }
  // A new keystore also holds the tool's own keystore.seed, in versions that make one: with `add -f` on a missing file the list is looked up again.
  const digestKnown = change.before === null ? null : digest;
  await context.ledger.saveKeystore({ digest: digestKnown, names: [...change.namesAfter], entries });
};
