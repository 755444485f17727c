import { RemoraError } from '@remora/shared/errors.ts';
import { isTold } from '../../../plan/certificates/serial.ts';
import type { Executor } from '../../executor.ts';
import { askUntil } from '../ask-until.ts';
import { rememberBefore } from '../before.ts';
import { configuredWith, loadedLimitMs, waitForReload } from '../cluster/configured.ts';
import type { StepParts } from '../parts.ts';

/**
 * That a node trusts a CA for the connections of its cluster. `_ssl/certificates` shows by file, number, name and end that the process is configured with the file and can
 * read it; but it reads the file for that answer, so what connections use is known only once the process has looked at its files again.
 */
export const verifyTrustStep =
  (parts: StepParts): Executor<'peer-trust.verify'> =>
  async (context, { cluster, node, paths, ca }) => {
    await context.phase('waiting until it is loaded');
    let foundIn = '';
    const ask = async (): Promise<string | null> => {
      const { status, certificates } = await configuredWith(parts, context, { cluster, node }, paths);
      const found = certificates.find((one) => isTold(one, ca));
      foundIn = found?.path ?? '';
      if (found !== undefined) return null;
      return status === 200 ? 'its process does not find it there' : `it answers ${status}`;
    };
    const limitMs = await loadedLimitMs(parts, context, { cluster, node });
    await askUntil(context, limitMs, ask, {
      sentence: (why) =>
        `Elasticsearch on node ${node} of cluster ${cluster} has not loaded ${ca.subject} from ${paths.join(' or ') || 'any file'}: ${why}.`,
      hint: `Where its elasticsearch.yml was changed since it started, restart it with \`remora restart ${cluster} --limit ${node}\`.`,
    });
    return { path: foundIn, waitedMs: await waitForReload(parts, context, { cluster, node }) };
  };

/** Only the CAs change: whoever gave the cluster another password or URL meanwhile keeps that. */
export const trustClusterStep =
  ({ inventory }: Pick<StepParts, 'inventory'>): Executor<'cluster.trust'> =>
  async (context, { cluster, caPem }) => {
    const record = await inventory.clusters.get(cluster);
    if (record === null) throw new RemoraError('not-found', `There is no cluster "${cluster}" any more.`);
    await rememberBefore(context, async () => ({ caPem: record.caPem }));
    await context.checkFence();
    await context.amend({ collection: 'clusters', id: cluster, change: (standing) => ({ ...standing, caPem }) });
    return null;
  };
