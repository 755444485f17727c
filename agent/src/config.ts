import { readFile } from 'node:fs/promises';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import Type, { type Static } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { parse, stringify } from 'yaml';
import { isMissing, writePrivate } from './system/durable-file.ts';

/** agent.yml: what `join` found out and was told. Paths are absolute. */
const AgentConfig = Type.Object({
  name: Type.String(),
  cluster: Type.String(),
  storeId: Type.String(),
  /** https URLs of the coordinators, tried in turn. */
  coordinators: Type.Array(Type.String(), { minItems: 1 }),
  elasticsearch: Type.Object({
    home: Type.String(),
    configDir: Type.String(),
    /** elasticsearch.yml where it really is: pinned here, so that a symlink that is turned elsewhere later is noticed. */
    settingsFile: Type.String(),
    url: Type.String(),
    /** PEM file with the CA of the node's HTTP layer; absent: the system's. */
    ca: Type.Optional(Type.String()),
    /** Owner of new files; absent: the owner of elasticsearch.yml. */
    owner: Type.Optional(Type.Object({ uid: Type.Integer(), gid: Type.Integer() })),
  }),
  service: Type.Union([
    Type.Object({ systemd: Type.String() }),
    Type.Object({ start: Type.Array(Type.String()), stop: Type.Array(Type.String()) }),
  ]),
});
export type AgentConfig = Static<typeof AgentConfig>;

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
  if (Check(AgentConfig, value)) return value;
  const [first] = Errors(AgentConfig, value);
  throw new RemoraError(
    'bad-input',
    `${path}: ${first ? `${first.instancePath || '/'} ${first.message}` : 'is not valid'}.`,
    {
      hint: 'Mend it, or make it anew with `remora agent join`.',
    },
  );
};

export const writeConfig = (path: string, config: AgentConfig): Promise<void> =>
  writePrivate(path, `# Written by \`remora agent join\`. Restart the agent after a change.\n${stringify(config)}`);
