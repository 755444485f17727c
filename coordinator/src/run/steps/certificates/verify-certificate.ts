import { RemoraError } from '@remora/shared/errors.ts';
import { formatAddress, parseAddress } from '@remora/shared/model/values/address.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { trustProblem } from '../../../elasticsearch/trust.ts';
import { publishAddresses } from '../../../observe/certificates/observe-certificates.ts';
import type { CertificateIssue } from '../../../plan/certificates/certificate-issue.ts';
import { publishedAddress } from '../../../plan/connection/published-address.ts';
import { type NodeId, nodeKey } from '../../../plan/node/node-id.ts';
import { portName } from '../../../plan/node/ssl.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { ANSWER_LIMIT_MS, askUntil } from '../ask-until.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';
import { refuseUntrusted, serverNameFor, waitUntilServed } from './served.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/** Where the node publishes its port (`HOST:PORT`). Throws `step-failed` where it does not tell within the limit. */
export const publishedAt = async (
  parts: StepParts,
  context: StepContext,
  wish: Pick<CertificateIssue, 'cluster' | 'node' | 'purpose'>,
): Promise<string> => {
  const { cluster, node, purpose } = wish;
  let address = '';
  const ask = async (): Promise<string | null> => {
    const found = (await publishAddresses(parts, cluster)).get(node)?.[purpose];
    if (found !== undefined) address = publishedAddress(found);
    return found === undefined ? `it publishes no ${portName[purpose]}, or is not in its cluster any more` : null;
  };
  await askUntil(context, ANSWER_LIMIT_MS, ask, {
    sentence: (why) => `The ${portName[purpose]} of node ${node} (cluster ${cluster}) cannot be asked: ${why}.`,
    hint: "Look into the node's log for the reason.",
  });
  return address;
};

/** A node that others do not trust on its transport port answers, and is in no cluster. */
export const refuseAlone = async (parts: StepParts, context: StepContext, { cluster, node }: NodeId): Promise<void> => {
  const ask = async (): Promise<string | null> => {
    const nodes = await listNodes(await parts.clients.get(cluster));
    return nodes.some(({ name }) => name === node) ? null : 'the others do not list it';
  };
  await askUntil(context, ANSWER_LIMIT_MS, ask, {
    sentence: (why) => `Node ${node} is not in cluster ${cluster} any more: ${why}.`,
    hint: "Look into the logs of the node and of the elected master for what they say of each other's certificates.",
  });
};

/** The agent beside the node asks it over HTTPS, and so does the coordinator: both have to trust it still. */
const refuseDeaf = async (parts: StepParts, context: StepContext, wish: CertificateIssue): Promise<void> => {
  const { user, password, urls, caPem } = await parts.clients.record(wish.cluster);
  const asked = { user, password: { $secret: password }, timeoutMs: REQUEST_TIMEOUT_MS };
  const input = { method: 'GET', path: '/', ...asked } as const;
  const ask = async (): Promise<null> => {
    await patientRead({ parts, context }, wish, 'request', input, REQUEST_TIMEOUT_MS * 2);
    return null;
  };
  await askUntil(context, ANSWER_LIMIT_MS, ask, {
    sentence: (why) => `The agent of node ${wish.node} (cluster ${wish.cluster}) cannot ask its node any more: ${why}.`,
  });
  for (const url of urls) {
    const problem = await trustProblem(url, caPem);
    if (problem === null) continue;
    throw new RemoraError(
      'step-failed',
      `The coordinator does not trust what ${url} (cluster ${wish.cluster}) serves now: ${problem.subject}, by ${problem.issuer} (${problem.reason}).`,
    );
  }
};

const FILE_LIMIT_MS = 60_000;

/** The fingerprint of the certificate in the node's PEM file; throws where it holds none. */
const fingerprintInFile = async (parts: StepParts, context: StepContext, wish: CertificateIssue): Promise<string> => {
  const input = { settings: [], files: [wish.path], keystore: false };
  const { files } = await patientRead({ parts, context }, wish, 'inspect', input, FILE_LIMIT_MS);
  const found = files[0]?.certificates[0]?.fingerprint256;
  if (found !== undefined) return found;
  throw new RemoraError('step-failed', `${wish.path} of node ${wish.node} holds no certificate.`);
};

export const verifyCertificateStep =
  (parts: StepParts): Executor<'certificate.verify'> =>
  async (context, wish) => {
    if (wish.asInFile) {
      const address = await publishedAt(parts, context, wish);
      const fingerprint256 = await fingerprintInFile(parts, context, wish);
      await context.phase('waiting until it is served');
      await waitUntilServed(parts, context, wish, address, fingerprint256, { untrusted: true });
      return { address: formatAddress(parseAddress(address)), fingerprint256 };
    }
    const record = await parts.inventory.certificates.get(`${nodeKey(wish)}/${wish.purpose}`);
    if (!record)
      throw new RemoraError(
        'step-failed',
        `There is no certificate on record for the ${portName[wish.purpose]} of ${wish.node}.`,
      );
    const { fingerprint256 = record.facts.fingerprint256 } = wish;
    const address = await publishedAt(parts, context, wish);
    await context.phase('waiting until it is served');
    const serverName = serverNameFor(
      [...wish.dns.map((name) => `DNS:${name}`), ...wish.ip.map((ip) => `IP:${ip}`)],
      address,
    );
    await waitUntilServed(parts, context, wish, address, fingerprint256, { serverName });
    if (wish.trustedBy.length > 0) await context.phase('asking other nodes of the cluster whether they trust it');
    for (const node of wish.trustedBy)
      await refuseUntrusted(parts, context, wish, address, fingerprint256, node, serverName);
    if (wish.purpose === 'transport') await refuseAlone(parts, context, wish);
    else await refuseDeaf(parts, context, wish);
    return { address: formatAddress(parseAddress(address)), fingerprint256 };
  };
