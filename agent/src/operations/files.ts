import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import type { Draft } from '../journal/draft.ts';
import { KEYSTORE } from '../keystore/tool.ts';
import { digestOf, readWithState } from '../system/durable-file.ts';
import { newFileOwner, refuseForeignOwner } from './config-dir.ts';
import { type PlannedPath, planPath, refuseMountPoint } from './plan-paths.ts';
import { secretValue } from './secret-value.ts';

type Write = OperationInput<'files'>['write'][number];

const decode = (text: string, path: string): Buffer => {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')) return bytes;
  throw new RemoraError('bad-input', `The content of ${path} is not base64.`);
};

/** These two have operations of their own, which know what else must hold. */
const refuseReserved = (context: AgentContext, path: string, given: string): void => {
  if (path !== context.config.elasticsearch.settingsFile && !path.endsWith(`/${KEYSTORE}`)) return;
  throw new RemoraError(
    'bad-input',
    `${given} is not changed as a file: use the operations \`settings\` and \`keystore\`.`,
  );
};

const resolve = async (context: AgentContext, draft: Draft, given: string): Promise<PlannedPath> => {
  const planned = await planPath(context.config.elasticsearch.configDir, given);
  refuseReserved(context, planned.path, given);
  if (draft.files.some(({ path }) => path === planned.path)) {
    throw new RemoraError('bad-input', `${given} is named twice in one step.`);
  }
  refuseMountPoint(planned.path);
  return planned;
};

const read = async (path: string, given: string) => {
  try {
    return await readWithState(path);
  } catch (error) {
    throw new RemoraError('node-read-only', `${given} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
};

const planWrite = async (context: AgentContext, draft: Draft, write: Write): Promise<boolean> => {
  const { path, missingDirectories } = await resolve(context, draft, write.path);
  const bytes = decode(secretValue(write.content, `The content of ${write.path}`), write.path);
  const digest = digestOf(bytes);
  draft.sources.push({ path, digest, source: write.source });
  const before = await read(path, write.path);
  if (before?.state.digest === digest) return false;
  const owner = await newFileOwner(context.config.elasticsearch);
  const sourceBefore = before && context.ledger.sourceOf(path, before.state.digest);
  const after = { ...(before?.state ?? { ...owner, mode: write.mode }), digest };
  refuseForeignOwner(write.path, after);
  for (const directory of missingDirectories) {
    if (!draft.directories.some((other) => other.path === directory))
      draft.directories.push({ path: directory, ...owner });
  }
  draft.files.push({
    path,
    label: write.path,
    before: before?.state ?? null,
    after,
    ...(sourceBefore ? { sourceBefore } : {}),
    beforeBytes: before?.bytes ?? null,
    afterBytes: bytes,
  });
  return true;
};

const planRemoval = async (context: AgentContext, draft: Draft, given: string): Promise<boolean> => {
  const { path } = await resolve(context, draft, given);
  const before = await read(path, given);
  if (before === null) return false;
  refuseForeignOwner(given, before.state);
  const sourceBefore = context.ledger.sourceOf(path, before.state.digest);
  draft.files.push({
    path,
    label: given,
    before: before.state,
    after: null,
    ...(sourceBefore ? { sourceBefore } : {}),
    beforeBytes: before.bytes,
    afterBytes: null,
  });
  draft.sources.push({ path, digest: before.state.digest, source: null });
  return true;
};

/** Plans which files are placed and removed; one that has these bytes already is not touched. */
export const planFiles = async (
  input: OperationInput<'files'>,
  context: AgentContext,
  draft: Draft,
): Promise<{ changed: string[] }> => {
  const changed: string[] = [];
  for (const write of input.write) if (await planWrite(context, draft, write)) changed.push(write.path);
  for (const path of input.remove) if (await planRemoval(context, draft, path)) changed.push(path);
  return { changed };
};
