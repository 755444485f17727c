import { readFile } from 'node:fs/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import { parse, stringify } from 'yaml';
import { type AgentConfig, isAgentConfig } from './checks.ts';
import { isMissing, writePrivate } from './system/durable-file.ts';

/** Reads agent.yml; null when there is none; throws `bad-input` that says what is wrong with it. */
export const readConfig = async (path: string): Promise<AgentConfig | null> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw new RemoraError('data-directory', `${path} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
  const value: unknown = (() => {
    try {
      return parse(text);
    } catch (error) {
      throw new RemoraError('bad-input', `${path} is not YAML: ${messageOf(error)}.`, { cause: error });
    }
  })();
  if (isAgentConfig(value)) return value;
  throw new RemoraError('bad-input', `${path} lacks a field or has one of a wrong kind.`, {
    hint: 'Mend it, or make it anew with `remora agent join`.',
  });
};

export const writeConfig = (path: string, config: AgentConfig): Promise<void> =>
  writePrivate(path, `# Written by \`remora agent join\`. Restart the agent after a change.\n${stringify(config)}`);
