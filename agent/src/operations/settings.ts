import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import { sameSettingValue } from '@remora/shared/settings.ts';
import type { AgentContext } from '../context.ts';
import type { Draft } from '../journal/draft.ts';
import type { SettingChange } from '../journal/record.ts';
import { editSettings, readSettings } from '../settings-file/edit.ts';
import { settingsDiff } from '../settings-file/settings-diff.ts';
import { digestOf, readWithState } from '../system/durable-file.ts';
import { refuseForeignOwner } from './config-dir.ts';
import { refuseMountPoint } from './plan-paths.ts';

export const SETTINGS_FILE = 'elasticsearch.yml';

/** Reads elasticsearch.yml where join pinned it; refuses when the configuration directory leads elsewhere by now. */
export const readSettingsFile = async (context: Pick<AgentContext, 'config'>) => {
  const { configDir, settingsFile } = context.config.elasticsearch;
  const stands = join(configDir, SETTINGS_FILE);
  try {
    const real = await realpath(stands);
    if (real !== settingsFile) {
      throw new RemoraError(
        'node-read-only',
        `${stands} leads to ${real}, but to ${settingsFile} when the agent joined.`,
        {
          hint: 'Join the agent again if that is meant: `remora agent join` with a new token.',
        },
      );
    }
    const found = await readWithState(settingsFile);
    if (found) return found;
    throw new Error('it is not there');
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    throw new RemoraError('settings-file', `${stands} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
};

/** The text, when the bytes are UTF-8: an edit must not change bytes that it does not understand. A byte order mark stays in it. */
export const textOf = (bytes: Buffer): string => {
  const text = bytes.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(bytes)) return text;
  throw new RemoraError('settings-file', 'elasticsearch.yml is not UTF-8, so it cannot be edited safely.');
};

const edited = (text: string, input: OperationInput<'settings'>, node: string): string => {
  try {
    return editSettings(text, { set: input.set, remove: input.remove });
  } catch (error) {
    throw new RemoraError('settings-file', `On ${node}: ${messageOf(error)}`, { cause: error });
  }
};

/** What an edit made of these settings. */
export const changesBetween = (before: string, after: string, names: readonly string[]): SettingChange[] => {
  const [was, is] = [readSettings(before), readSettings(after)];
  return names
    .filter((name) => name in was !== name in is || !sameSettingValue(was[name], is[name]))
    .map((name) => ({
      name,
      ...(was[name] === undefined ? {} : { before: was[name] }),
      ...(is[name] === undefined || is[name] === null ? {} : { after: is[name] }),
    }));
};

/** The file as it is and as the edit makes it; refuses one that is another than the plan saw. */
const readAndEdit = async (input: OperationInput<'settings'>, context: AgentContext) => {
  const { settingsFile } = context.config.elasticsearch;
  const { bytes, state } = await readSettingsFile(context);
  if (input.expectDigest !== undefined && input.expectDigest !== state.digest) {
    throw new RemoraError(
      'preflight-failed',
      `${settingsFile} on ${context.config.name} was edited since the plan was made.`,
      {
        hint: 'Make the plan again.',
      },
    );
  }
  const text = textOf(bytes);
  return { bytes, state, text, after: edited(text, input, context.config.name) };
};

/** What the same edit would make of elasticsearch.yml, as a diff without secrets. */
export const preview = async (input: OperationInput<'settings'>, context: AgentContext) => {
  const { text, after } = await readAndEdit(input, context);
  return { digest: digestOf(Buffer.from(after)), diff: settingsDiff(text, after, SETTINGS_FILE) };
};

/** Plans the edit of elasticsearch.yml; settings that have their value already change nothing. */
export const planSettings = async (
  input: OperationInput<'settings'>,
  context: AgentContext,
  draft: Draft,
): Promise<{ changed: string[]; digest: string }> => {
  const { settingsFile } = context.config.elasticsearch;
  const { bytes, state, text, after } = await readAndEdit(input, context);
  if (after === text) return { changed: [], digest: state.digest };
  refuseMountPoint(settingsFile);
  refuseForeignOwner(settingsFile, state);
  const afterBytes = Buffer.from(after);
  const digest = digestOf(afterBytes);
  const changes = changesBetween(text, after, [...Object.keys(input.set), ...input.remove]);
  draft.settings.push(...changes);
  draft.files.push({
    path: settingsFile,
    label: SETTINGS_FILE,
    before: state,
    after: { ...state, digest },
    beforeBytes: bytes,
    afterBytes,
  });
  return { changed: changes.map(({ name }) => name), digest };
};
