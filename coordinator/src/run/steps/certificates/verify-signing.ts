import { RemoraError } from '@remora/shared/errors.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { signingKeystore } from '../../../plan/node/placed-files.ts';
import { signerId } from '../../../plan/signing/signing-names.ts';
import type { Executor } from '../../executor.ts';
import { waitForReload } from '../cluster/configured.ts';
import { obstacleLeft } from '../cluster/crossing.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';

const INSPECT_LIMIT_MS = 60_000;

/** Nothing tells what a node takes signatures by: but it looks at its files every few seconds, and so it has after two of these intervals. */
export const verifySigningTrustStep =
  (parts: StepParts): Executor<'signing-trust.verify'> =>
  async (context, node) => ({ waitedMs: await waitForReload(parts, context, node) });

/**
 * That a node signs with the certificate on record: its file holds that, the node has looked at its files since, and is let in. Elasticsearch does not tell which
 * certificate a request was signed with; a file that it cannot read leaves it with the one before, and an entry in its log.
 */
export const verifySigningStep =
  (parts: StepParts): Executor<'signing.verify'> =>
  async (context, { cluster, node, alias, keySecret }) => {
    const record = await parts.inventory.signingCertificates.get(signerId({ cluster, node, alias }));
    const path = signingKeystore(alias);
    const input = { settings: [], files: [path], keystore: false };
    const { files } = await patientRead({ parts, context }, { cluster, node }, 'inspect', input, INSPECT_LIMIT_MS);
    if (record === null || files[0]?.source !== record.p12Secret)
      throw new RemoraError('step-failed', `${path} of node ${node} (cluster ${cluster}) is not the one on record.`);
    const waitedMs = await waitForReload(parts, context, { cluster, node });
    const nodes = await listNodes(await parts.clients.get(cluster));
    const isConnecting = nodes.some(({ name, roles }) => name === node && roles.includes('remote_cluster_client'));
    const found = isConnecting
      ? await obstacleLeft(parts, context, { local: cluster, alias, keySecret }, [node])
      : null;
    if (found === null) return { waitedMs, notAfter: record.facts.notAfter };
    throw new RemoraError(
      'proof-failed',
      `Node ${node} of cluster ${cluster} is not let in with its signature: ${found}.`,
    );
  };
