import { constants, open, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RemoraError } from '@remora/shared/errors.ts';
import type { AgentContext } from '../context.ts';
import { forcedConfigDir } from '../keystore/other-keystore.ts';
import { KEYSTORE, TOOL_TEMPORARY } from '../keystore/tool.ts';
import { digestOfFile, readWithState, syncDirectory, writeDurably } from '../system/durable-file.ts';
import { allPids, argumentsOf } from '../system/process-table.ts';
import type { KeystoreDraft } from './draft.ts';
import { type KeystoreChange, keystoreLogPath } from './record.ts';

/** A new keystore gets the mode that Elasticsearch gives it. */
const NEW_MODE = 0o660;

const aToolRuns = (): boolean =>
  allPids().some((pid) =>
    argumentsOf(pid).some((arg) => /keystore-cli|KeystoreCli|elasticsearch-keystore|KeyStoreCli/.test(arg)),
  );

/** What a writer that died left behind makes the next write fail. While a tool runs it may be that tool's, and stays. */
export const removeLeftOver = async (configDir: string): Promise<void> => {
  if (!aToolRuns()) await rm(join(configDir, TOOL_TEMPORARY), { force: true });
};

/** The tool gives every file it writes mode 0660 and the group of whoever runs it, or of a setgid directory. */
const restoreOwner = async (context: AgentContext, change: KeystoreChange): Promise<void> => {
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

/** The keystore that the wrapper's environment file names, when that is not this node's: it must come out of the step as it went in. */
const watchOther = async (context: AgentContext) => {
  const { home, configDir } = context.config.elasticsearch;
  const forced = await forcedConfigDir(home, configDir);
  if (forced === null) return async () => undefined;
  const path = join(forced.configDir, KEYSTORE);
  const before = await readWithState(path);
  return async (): Promise<void> => {
    if ((await digestOfFile(path)) === (before?.state.digest ?? null)) return;
    if (before) await writeDurably(path, before.bytes, before.state, { keepAttributes: true });
    else await rm(path, { force: true });
    throw new RemoraError(
      'step-failed',
      `elasticsearch-keystore wrote ${path} instead of this node's keystore, because ${forced.environmentFile} sets ES_PATH_CONF; ${path} was put back.`,
      { hint: `Remove ES_PATH_CONF from ${forced.environmentFile}, or give this node's directory there.` },
    );
  };
};

/** Runs the tool: all entries in one `add`, all removals in one `remove`. Returns the digest of the keystore afterwards. */
export const writeKeystore = async (
  context: AgentContext,
  folder: string,
  change: KeystoreChange,
  draft: KeystoreDraft,
): Promise<string> => {
  const { tool } = context.keystore;
  const checkOther = await watchOther(context);
  await removeLeftOver(context.config.elasticsearch.configDir);
  const entries = draft.set.map(({ name, value }) => ({ name, value: String(value) }));
  try {
    if (entries.length > 0) await tool.add(entries, draft.password, keystoreLogPath(folder));
    if (draft.remove.length > 0) await tool.remove(draft.remove, draft.password, keystoreLogPath(folder));
  } finally {
    await checkOther();
  }
  const after = await digestOfFile(change.path);
  if (after === null || after === change.before?.digest) {
    throw new RemoraError(
      'step-failed',
      `elasticsearch-keystore ended without an error, but ${change.path} is not changed: it works on another keystore.`,
      { hint: `Look at what ${tool.path} sets ES_PATH_CONF to.` },
    );
  }
  await restoreOwner(context, change);
  return after;
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
    entries[name] = { reference, hmac: context.ledger.hmac(name, String(value)), writtenAtMs: nowMs };
  }
  for (const { name, reference } of draft.renamed) {
    const known = entries[name];
    if (known) entries[name] = { ...known, reference };
  }
  // A new keystore also holds the tool's own keystore.seed, in versions that make one: with `add -f` on a missing file the list is looked up again.
  const digestKnown = change.before === null ? null : digest;
  await context.ledger.saveKeystore({ digest: digestKnown, names: [...change.namesAfter], entries });
};
