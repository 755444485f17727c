import { RemoraError } from '@remora/shared/errors.ts';
import { listNodes } from '../../elasticsearch/observe-cluster.ts';
import { limitOf } from '../../limit.ts';
import { reloadInterval } from '../../plan/reload-interval.ts';
import type { StepInputs } from '../../plan/steps.ts';
import type { Executor, StepContext } from '../executor.ts';
import type { StepParts } from './parts.ts';
import { patientRead } from './patient-read.ts';

type Wish = StepInputs['trust.verify'];

/** An entry of `_ssl/certificates`. */
interface Loaded {
  readonly path: string;
  readonly serial_number: string;
}

const READ_LIMIT_MS = 20_000;
const FOUND_LIMIT_MS = 60_000;
const AGAIN_MS = 500;

const serial = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '');

const serialsOf = async ({ inventory }: Pick<StepParts, 'inventory'>, names: readonly string[]): Promise<string[]> => {
  const records = await Promise.all(names.map((name) => inventory.cas.get(name)));
  return records.map((record, i) => {
    if (record === null) throw new RemoraError('step-failed', `CA ${names[i]} is not known any more.`);
    return serial(record.facts.serial);
  });
};

/** Serial numbers of the certificates that the node's own process finds in the file, or a sentence that says why that is not known. */
const foundBy = async (
  parts: StepParts,
  context: StepContext,
  { cluster, node, path }: Wish,
): Promise<readonly string[] | string> => {
  const { user, password } = await parts.clients.record(cluster);
  const answer = await patientRead(
    { parts, context },
    { cluster, node },
    'request',
    {
      ...{ method: 'GET', path: '/_ssl/certificates', user, password: { $secret: password } },
      timeoutMs: READ_LIMIT_MS / 2,
    },
    READ_LIMIT_MS,
  );
  if (answer.status !== 200) return `it answers ${answer.status} to GET /_ssl/certificates`;
  const all = (answer.body as readonly Loaded[]).filter((one) => one.path === path || one.path.endsWith(`/${path}`));
  return all.length === 0 ? `its process is not configured with ${path}` : all.map((one) => serial(one.serial_number));
};

const waitUntilFound = async (parts: StepParts, context: StepContext, wish: Wish): Promise<void> => {
  const [holds, lacks] = [await serialsOf(parts, wish.holds), await serialsOf(parts, wish.lacks)];
  const limit = limitOf(FOUND_LIMIT_MS);
  for (;;) {
    const found = await foundBy(parts, context, wish);
    const isRight =
      typeof found !== 'string' &&
      holds.every((one) => found.includes(one)) &&
      !lacks.some((one) => found.includes(one));
    if (isRight) return;
    if (limit.isOver()) {
      const why =
        typeof found === 'string' ? found : `it finds ${found.length} certificates there, and not the right ones`;
      throw new RemoraError(
        'step-failed',
        `Node ${wish.node} of cluster ${wish.cluster} does not trust what ${wish.path} shall hold: ${why}.`,
      );
    }
    await context.sleep(AGAIN_MS);
  }
};

/**
 * Until a node's process has looked at its files after now: after two of the intervals in which it does. Answers how long that was, in ms; throws where it
 * never does.
 */
export const waitForReload = async (
  parts: StepParts,
  context: StepContext,
  { cluster, node }: { readonly cluster: string; readonly node: string },
): Promise<number> => {
  const nodes = await listNodes(await parts.clients.get(cluster));
  const interval = reloadInterval(nodes.find(({ name }) => name === node)?.settings ?? {});
  if (interval === null)
    throw new RemoraError(
      'step-failed',
      `Node ${node} of cluster ${cluster} does not look at its files again (resource.reload.enabled: false).`,
    );
  await context.phase('waiting until the node has looked at its files');
  await context.sleep(2 * interval);
  return 2 * interval;
};

/**
 * That a node's process trusts the CAs of its bundle. Its own `_ssl/certificates` shows that the process is configured with the file, can read it, and finds
 * the right CAs in it; but it reads the file for that answer, so it does not show what connections use. That is loaded anew when the process next looks
 * whether the file changed: after two of these intervals it has.
 */
export const verifyBundleStep =
  (parts: StepParts): Executor<'trust.verify'> =>
  async (context, wish) => {
    await context.phase('asking the node which CAs it finds in its bundle');
    await waitUntilFound(parts, context, wish);
    return { waitedMs: await waitForReload(parts, context, wish) };
  };
