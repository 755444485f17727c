import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { KeystoreLedger } from '../checks.ts';
import type { AgentContext } from '../context.ts';
import type { Draft } from '../journal/draft.ts';
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
const checkPassword = async (input: Input, context: AgentContext, exists: boolean): Promise<string | undefined> => {
  const { keystore, config } = context;
  if (!exists || !(await keystore.passwordProtected())) return undefined;
  if (input.password === undefined) {
    throw new RemoraError(
      'keystore-password',
      `The keystore ${keystore.path} of ${config.name} is protected and no password was given.`,
    );
  }
  const password = secretValue(input.password, 'The password of the keystore');
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
  const set: Input['set'][number][] = [];
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

/** Plans which entries are written and removed. Returns what changes; the digest is known after the write. */
export const planKeystore = (
  input: Input,
  context: AgentContext,
  draft: Draft,
): Promise<{ changed: string[]; digest: string }> =>
  context.keystore.exclusive(async () => {
    const { keystore } = context;
    const existing = await readWithState(keystore.path);
    await refuseForced(context);
    const password = await checkPassword(input, context, existing !== null);
    const looked = await keystore.look(password);
    refuseOther(keystore.path, looked.digest, existing?.state.digest ?? null);
    const { set, remove, renamed } = compare(input, looked, context);
    refuseMountPoint(keystore.path);
    refuseForeignOwner(keystore.path, existing?.state ?? (await newFileOwner(context.config.elasticsearch)));
    draft.keystore = { before: existing, looked, set, remove, renamed, password };
    return { changed: [...set.map(({ name }) => name), ...remove], digest: existing?.state.digest ?? '' };
  });
