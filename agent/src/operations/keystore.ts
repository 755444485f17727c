import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput, SecretText } from '@remora/shared/operations.ts';
import type { KeystoreLedger } from '../checks.ts';
import type { AgentContext } from '../context.ts';
import type { Draft, KeystoreDraft } from '../journal/draft.ts';
import { refuseOther } from '../journal/keystore-step.ts';
import { forcedConfigDir } from '../keystore/other-keystore.ts';
import { readWithState } from '../system/durable-file.ts';
import { newFileOwner, refuseForeignOwner } from './config-dir.ts';
import { refuseMountPoint } from './plan-paths.ts';
import { secretValue } from './secret-value.ts';

type Input = OperationInput<'keystore'>;

/** The tool reads one value a line. */
const refuseLines = (name: string, value: string): void => {
  if (/[\r\n]/.test(value)) {
    throw new RemoraError(
      'bad-input',
      `The value for the keystore entry ${name} has a line break, which elasticsearch-keystore does not take.`,
    );
  }
};

/** Checks that the password opens the keystore, before anything is changed. Undefined where none is needed. */
const checkPassword = async (
  given: SecretText | undefined,
  context: AgentContext,
  exists: boolean,
): Promise<string | undefined> => {
  const { keystore, config } = context;
  if (!exists || !(await keystore.passwordProtected())) return undefined;
  if (given === undefined) {
    throw new RemoraError(
      'keystore-password',
      `The keystore ${keystore.path} of ${config.name} is protected and no password was given.`,
    );
  }
  const password = secretValue(given, 'The password of the keystore');
  refuseLines('(its password)', password);
  await keystore.tool.list(password);
  return password;
};

const refuseForced = async (context: AgentContext): Promise<void> => {
  const { home, configDir } = context.config.elasticsearch;
  const forced = await forcedConfigDir(home, configDir);
  if (forced === null) return;
  throw new RemoraError(
    'preflight-failed',
    `${context.keystore.tool.path} would write the keystore in ${forced.configDir} and not in ${configDir}, because ${forced.environmentFile} sets ES_PATH_CONF.`,
    { hint: `Correct ES_PATH_CONF in ${forced.environmentFile}, or join the agent with the --es-home of this node.` },
  );
};

/** What differs, by the ledger (see ledger.ts for how the agent knows). */
const compare = (input: Input, looked: KeystoreLedger, context: AgentContext) => {
  const set: KeystoreDraft['set'][number][] = [];
  const renamed: { name: string; reference: string }[] = [];
  for (const entry of input.set) {
    const value = secretValue(entry.value, `The value of the keystore entry ${entry.name}`);
    refuseLines(entry.name, value);
    const known = looked.entries[entry.name];
    const isSame = looked.names.includes(entry.name) && known?.hmac === context.ledger.hmac(entry.name, value);
    if (!isSame) set.push({ ...entry, value });
    else if (known.reference !== entry.reference) renamed.push({ name: entry.name, reference: entry.reference });
  }
  return { set, renamed, remove: input.remove.filter((name) => looked.names.includes(name)) };
};

/** Looks at the keystore before a change of it, and refuses where there can be none. Call inside `exclusive`. */
export const openForChange = async (
  context: AgentContext,
  given: SecretText | undefined,
): Promise<Pick<KeystoreDraft, 'before' | 'looked' | 'password'>> => {
  const { keystore } = context;
  const before = await readWithState(keystore.path);
  await refuseForced(context);
  const password = await checkPassword(given, context, before !== null);
  const looked = await keystore.look(password);
  refuseOther(keystore.path, looked.digest, before?.state.digest ?? null);
  return { before, looked, password };
};

/** Refuses a keystore that could not be written as it must be. */
export const refuseUnwritable = async (
  { keystore, config }: AgentContext,
  { before }: Pick<KeystoreDraft, 'before'>,
) => {
  refuseMountPoint(keystore.path);
  refuseForeignOwner(keystore.path, before?.state ?? (await newFileOwner(config.elasticsearch)));
};

/** Plans which entries are written and removed. Returns what changes; the digest is known after the write. */
export const planKeystore = (
  input: Input,
  context: AgentContext,
  draft: Draft,
): Promise<{ changed: string[]; digest: string }> =>
  context.keystore.exclusive(async () => {
    const opened = await openForChange(context, input.password);
    const { set, remove, renamed } = compare(input, opened.looked, context);
    await refuseUnwritable(context, opened);
    draft.keystore = { ...opened, set, remove, renamed };
    return { changed: [...set.map(({ name }) => name), ...remove], digest: opened.before?.state.digest ?? '' };
  });
