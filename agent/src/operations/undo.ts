import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import type { Draft } from '../journal/draft.ts';
import { digestOf } from '../system/durable-file.ts';
import { type PastDelivery, pastDeliveries } from '../undo/deliveries.ts';
import { pastEntries } from '../undo/entries.ts';
import { type PastFile, pastFiles } from '../undo/files.ts';
import { pastSettings } from '../undo/settings.ts';
import { refuseForeignOwner } from './config-dir.ts';
import { openForChange, refuseUnwritable } from './keystore.ts';
import { refuseMountPoint } from './plan-paths.ts';
import { changesBetween, readSettingsFile, SETTINGS_FILE, textOf } from './settings.ts';

type Input = OperationInput<'undo'>;

/** What is taken back, and what stays since somebody changed it. */
interface Sorted {
  readonly changed: string[];
  readonly left: string[];
}

const refuseLost = (node: string, name: string): never => {
  throw new RemoraError(
    'preflight-failed',
    `What stood in ${name} on ${node} before the change is not kept any more, or cannot be read.`,
    { hint: 'Nothing was changed. Put it back by hand, or give another command that makes it what it shall be.' },
  );
};

const planFile = (context: AgentContext, draft: Draft, file: PastFile): void => {
  const { path, label, now, before, bytes, source } = file;
  refuseMountPoint(path);
  const owner = before ?? now?.state;
  if (owner) refuseForeignOwner(label, owner);
  const sourceNow = now && context.ledger.sourceOf(path, now.state.digest);
  draft.sources.push({ path, digest: before?.digest ?? now?.state.digest ?? '', source });
  draft.files.push({
    ...{ path, label, before: now?.state ?? null, after: before, beforeBytes: now?.bytes ?? null, afterBytes: bytes },
    ...(sourceNow ? { sourceBefore: sourceNow } : {}),
  });
};

const planFiles = (
  context: AgentContext,
  draft: Draft,
  files: readonly PastFile[],
  { changed, left }: Sorted,
): void => {
  for (const file of files) {
    if (file.standing === 'lost') refuseLost(context.config.name, file.label);
    if (file.standing === 'foreign') left.push(file.label);
    if (file.standing !== 'ours') continue;
    planFile(context, draft, file);
    changed.push(file.label);
  }
};

/** The bytes of before while the file is what we left; else setting by setting, since the rest is somebody's. */
const planSettings = async (
  context: AgentContext,
  draft: Draft,
  past: readonly PastDelivery[],
  { whole, sorted }: { readonly whole: PastFile | undefined; readonly sorted: Sorted },
): Promise<void> => {
  if (past.every(({ record }) => record.settings.length === 0)) return;
  const { settingsFile } = context.config.elasticsearch;
  const { bytes, state } = await readSettingsFile(context);
  const { text, settings } = pastSettings(textOf(bytes), past);
  sorted.left.push(...settings.filter(({ standing }) => standing === 'foreign').map(({ name }) => name));
  const names = settings.filter(({ standing }) => standing === 'ours').map(({ name }) => name);
  if (names.length === 0) return;
  refuseMountPoint(settingsFile);
  refuseForeignOwner(settingsFile, state);
  const afterBytes = (whole?.standing === 'ours' ? whole.bytes : null) ?? Buffer.from(text);
  draft.settings.push(...changesBetween(textOf(bytes), textOf(afterBytes), names));
  draft.files.push({
    ...{ path: settingsFile, label: SETTINGS_FILE, before: state, beforeBytes: bytes, afterBytes },
    after: { ...state, digest: digestOf(afterBytes) },
  });
  sorted.changed.push(...names);
};

const planEntries = async (
  input: Input,
  context: AgentContext,
  draft: Draft,
  { past, sorted }: { readonly past: readonly PastDelivery[]; readonly sorted: Sorted },
): Promise<void> => {
  if (past.every(({ record }) => record.keystore === null)) return;
  const opened = await openForChange(context, input.keystorePassword);
  const { before, looked, password } = opened;
  const entries = await pastEntries(past, { bytes: before?.bytes ?? null, looked, password });
  const lost = entries.find(({ standing }) => standing === 'lost');
  if (lost) refuseLost(context.config.name, `the keystore entry ${lost.name}`);
  sorted.left.push(...entries.filter(({ standing }) => standing === 'foreign').map(({ name }) => name));
  const ours = entries.filter(({ standing }) => standing === 'ours');
  if (ours.length === 0) return;
  await refuseUnwritable(context, opened);
  draft.keystore = {
    ...opened,
    set: ours.flatMap(({ name, value, reference }) => (value === null ? [] : [{ name, value, reference }])),
    remove: ours.filter(({ value }) => value === null).map(({ name }) => name),
    renamed: [],
  };
  sorted.changed.push(...ours.map(({ name }) => name));
};

/**
 * Plans to take finished deliveries back, as one: what they left goes back to what stood there before the oldest of them, what somebody changed since stays
 * and is named. Refused, with nothing changed, where what stood there before is lost. Once it is done, it finds nothing more to do.
 */
export const planUndo = async (input: Input, context: AgentContext, draft: Draft): Promise<Sorted> => {
  const { past } = await pastDeliveries(context, input.deliveries);
  const sorted: Sorted = { changed: [], left: [] };
  const { settingsFile } = context.config.elasticsearch;
  const files = await pastFiles(past);
  const whole = files.find(({ path }) => path === settingsFile);
  planFiles(
    context,
    draft,
    files.filter((file) => file !== whole),
    sorted,
  );
  await planSettings(context, draft, past, { whole, sorted });
  await context.keystore.exclusive(() => planEntries(input, context, draft, { past, sorted }));
  return sorted;
};
