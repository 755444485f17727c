import type { OperationInput, OperationResult } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { isSecretName } from '../settings-file/secret-names.ts';
import { readWithState } from '../system/durable-file.ts';
import { type PastDelivery, pastDeliveries } from '../undo/deliveries.ts';
import { type PastEntry, pastEntries } from '../undo/entries.ts';
import { pastFiles } from '../undo/files.ts';
import { type PastSetting, pastSettings } from '../undo/settings.ts';
import { secretValue } from './secret-value.ts';
import { readSettingsFile, textOf } from './settings.ts';

type Result = OperationResult<'backups'>;
type Input = OperationInput<'backups'>;

const settingChange = ({ name, standing, now, before }: PastSetting): Result['changes'][number] => {
  const shown = isSecretName(name) ? {} : { now, before };
  const values = Object.entries(shown).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, typeof value === 'object' && value !== null ? [...value] : value]],
  );
  return { kind: 'setting', name, state: standing, existed: before !== undefined, ...Object.fromEntries(values) };
};

const entriesOf = (context: AgentContext, input: Input, past: readonly PastDelivery[]): Promise<PastEntry[]> =>
  context.keystore.exclusive(async () => {
    if (past.every(({ record }) => record.keystore === null)) return [];
    const given = input.keystorePassword;
    const password = given && secretValue(given, 'The password of the keystore');
    const bytes = (await readWithState(context.keystore.path))?.bytes ?? null;
    return pastEntries(past, { bytes, looked: await context.keystore.look(password), password });
  });

/** What the deliveries changed, and how each thing stands now. */
export const backups = async (input: Input, context: AgentContext): Promise<Result> => {
  const { past, unknown } = await pastDeliveries(context, input.deliveries);
  const { settingsFile } = context.config.elasticsearch;
  const files = (await pastFiles(past)).filter(({ path }) => path !== settingsFile);
  const hasSettings = past.some(({ record }) => record.settings.length > 0);
  const settings = hasSettings ? pastSettings(textOf((await readSettingsFile(context)).bytes), past).settings : [];
  const entries = await entriesOf(context, input, past);
  return {
    changes: [
      ...files.map(({ label, standing, before }) => ({
        ...{ kind: 'file' as const, name: label, state: standing, existed: before !== null },
      })),
      ...settings.map(settingChange),
      ...entries.map(({ name, standing, existed }) => ({ kind: 'entry' as const, name, state: standing, existed })),
    ],
    unknown: [...unknown],
  };
};
