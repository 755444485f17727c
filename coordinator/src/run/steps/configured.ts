import { RemoraError } from '@remora/shared/errors.ts';
import { listNodes } from '../../elasticsearch/observe-cluster.ts';
import { reloadInterval } from '../../plan/reload-interval.ts';
import type { NodeId } from '../../plan/steps.ts';
import type { StepContext } from '../executor.ts';
import type { StepParts } from './parts.ts';
import { patientRead } from './patient-read.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** A certificate in a file that a node's process is configured with. */
interface Configured {
  /** As Elasticsearch tells it: relative to the configuration directory, or the whole path. */
  readonly path: string;
  readonly serial: string;
}

interface Configuration {
  /** Of the answer; without 200 there are no certificates. */
  readonly status: number;
  readonly certificates: readonly Configured[];
}

/** A serial number as all who write one can be compared: lower-case hex without leading zeros. */
export const bareSerial = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '');

/** Which certificates a node's process finds in these of its files, by `_ssl/certificates`; see `waitForReload` for what that does not tell. */
export const configuredWith = async (
  parts: StepParts,
  context: StepContext,
  { cluster, node }: NodeId,
  paths: readonly string[],
): Promise<Configuration> => {
  const { user, password } = await parts.clients.record(cluster);
  const asked = { user, password: { $secret: password }, timeoutMs: REQUEST_TIMEOUT_MS };
  const input = { method: 'GET', path: '/_ssl/certificates', ...asked } as const;
  const { status, body } = await patientRead(
    { parts, context },
    { cluster, node },
    'request',
    input,
    REQUEST_TIMEOUT_MS * 2,
  );
  const all = status === 200 ? (body as readonly { readonly path: string; readonly serial_number: string }[]) : [];
  const certificates = all
    .filter(({ path }) => paths.some((one) => path === one || path.endsWith(`/${one}`)))
    .map((one) => ({ path: one.path, serial: bareSerial(one.serial_number) }));
  return { status, certificates };
};

/**
 * Until a node's process has looked at its files after now: after two of the intervals in which it does. `_ssl/certificates` reads files for its answer, so it does not
 * show what connections use. Answers how long that was, in ms; throws where it never does.
 */
export const waitForReload = async (
  parts: StepParts,
  context: StepContext,
  { cluster, node }: NodeId,
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
