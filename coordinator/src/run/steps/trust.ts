import { RemoraError } from '@remora/shared/errors.ts';
import { limitOf } from '../../limit.ts';
import type { Executor } from '../executor.ts';
import { rememberBefore } from './before.ts';
import type { StepParts } from './parts.ts';
import { patientRead } from './patient-read.ts';
import { LOADED_LIMIT_MS } from './served.ts';
import { waitForReload } from './verify-bundle.ts';

const REQUEST_TIMEOUT_MS = 10_000;

interface LoadedCertificate {
  readonly path: string;
  readonly serial_number: string;
}

const bare = (serial: string): string => serial.toLowerCase().replace(/^0+/, '');

/**
 * That a node trusts a CA for the connections of its cluster. `_ssl/certificates` shows by file and serial number that the process is configured with the file and can
 * read it; but it reads the file for that answer, so what connections use is known only once the process has looked at its files again.
 */
export const verifyTrustStep =
  (parts: StepParts): Executor<'peer-trust.verify'> =>
  async (context, { cluster, node, paths, ca }) => {
    const { user, password } = await parts.clients.record(cluster);
    const asked = { user, password: { $secret: password }, timeoutMs: REQUEST_TIMEOUT_MS };
    const input = { method: 'GET', path: '/_ssl/certificates', ...asked } as const;
    const limit = limitOf(LOADED_LIMIT_MS);
    await context.phase('waiting until it is loaded');
    for (;;) {
      const answer = await patientRead({ parts, context }, { cluster, node }, 'request', input, REQUEST_TIMEOUT_MS * 2);
      const loaded = answer.status === 200 ? (answer.body as readonly LoadedCertificate[]) : [];
      const isPlaced = ({ path }: LoadedCertificate): boolean =>
        paths.some((one) => path === one || path.endsWith(`/${one}`));
      const found = loaded.find((one) => isPlaced(one) && bare(one.serial_number) === bare(ca.serial));
      if (found !== undefined)
        return { path: found.path, waitedMs: await waitForReload(parts, context, { cluster, node }) };
      if (limit.isOver())
        throw new RemoraError(
          'step-failed',
          `Elasticsearch on node ${node} of cluster ${cluster} has not loaded ${ca.subject} from ${paths.join(' or ') || 'any file'}${answer.status === 200 ? '' : ` (it answers ${answer.status})`}.`,
          {
            hint: `Where its elasticsearch.yml was changed since it started, restart it with \`remora restart ${cluster} --limit ${node}\`.`,
          },
        );
      await context.sleep(500);
    }
  };

/** Only the CAs change: whoever gave the cluster another password or URL meanwhile keeps that. */
export const trustClusterStep =
  ({ inventory }: Pick<StepParts, 'inventory'>): Executor<'cluster.trust'> =>
  async (context, { cluster, caPem }) => {
    const record = await inventory.clusters.get(cluster);
    if (record === null) throw new RemoraError('not-found', `There is no cluster "${cluster}" any more.`);
    await rememberBefore(context, async () => ({ caPem: record.caPem }));
    await context.checkFence();
    await context.file('clusters', cluster, { ...record, caPem });
    return null;
  };
