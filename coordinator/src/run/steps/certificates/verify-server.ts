import { RemoraError } from '@remora/shared/errors.ts';
import { type CertificateFacts, coversAddress } from '@remora/shared/model/certificates/certificate.ts';
import { type Address, canonicalIp, formatAddress, isIp, parseAddress } from '@remora/shared/model/values/address.ts';
import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import type { CertificateIssue } from '../../../plan/certificates/certificate-issue.ts';
import { dialledName, publishedAddress, publishedParts } from '../../../plan/connection/published-address.ts';
import { nodeKey } from '../../../plan/node/node-id.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';
import { issueFor } from './certificates.ts';
import { refuseUntrusted, serverNameFor, waitUntilGone, waitUntilServed } from './served.ts';

type VerifyWish = StepInputs['remote-server.verify'];

const CHANGE_LIMIT_MS = 5 * 60_000;

/** Nothing is served. */
class NotServed extends RemoraError {}

/** Where the node's remote cluster server listens, as the cluster publishes it: `ADDRESS:PORT`, or `NAME/ADDRESS:PORT` where the host has a name. */
const publishAddress = async (parts: StepParts, wish: CertificateIssue): Promise<string> => {
  const client = await parts.clients.get(wish.cluster);
  const address = (await listNodes(client)).find(({ name }) => name === wish.node)?.remoteClusterServer?.publishAddress;
  if (!address) {
    throw new NotServed(
      'step-failed',
      `Node ${wish.node} of cluster ${wish.cluster} runs without a remote cluster server although its file says remote_cluster_server.enabled: true.`,
      { hint: "Look into the node's log for the reason." },
    );
  }
  return address;
};

/**
 * Refuses to go on when it listens elsewhere than planned: the way there was never tried, and the local nodes would be restarted only to be sent to the
 * other address. The next plan knows where it listens.
 */
const refuseOtherAddress = (wish: CertificateIssue, published: string, planned: Address): void => {
  const { names, port } = publishedParts(published);
  const same = (name: string): string => canonicalIp(name) ?? name.toLowerCase();
  if (port === planned.port && names.map(same).includes(same(planned.host))) return;
  throw new RemoraError(
    'step-failed',
    `The remote cluster server of ${wish.node} listens at ${published}, and the plan sends local nodes to ${formatAddress(planned)}.`,
    { hint: 'Run the same command again: it plans with the address that was found, and restarts this node no more.' },
  );
};

/** Another certificate under the same file name and password, for names that could not be predicted: no restart. */
const reissue = async (
  parts: StepParts,
  context: StepContext,
  wish: CertificateIssue,
  names: readonly string[],
): Promise<string> => {
  await context.phase(`reissuing the certificate for ${names.join(' and ')}`);
  const { name, version } = parseSecretReference(wish.p12Secret);
  const more = names.filter((one) => !wish.dns.includes(one) && !wish.ip.includes(one));
  const wider: CertificateIssue = {
    ...wish,
    p12Secret: `secret:${name}@${(version ?? 1) + 1}`,
    dns: [...wish.dns, ...more.filter((one) => !isIp(one))],
    ip: [...wish.ip, ...more.filter(isIp)],
  };
  const { fingerprint256 } = await issueFor(parts, context, wider);
  const write = [{ path: wish.path, content: { $secret: wider.p12Secret }, source: wider.p12Secret, mode: 0o640 }];
  const result = await context.change(wish, [{ name: 'files', input: { write, remove: [] } }], {
    timeoutMs: CHANGE_LIMIT_MS,
  });
  if (result.outcome !== 'done')
    throw new RemoraError(
      'step-failed',
      `The certificate of ${wish.node} could not be placed: ${result.error?.message ?? result.outcome}`,
    );
  return fingerprint256;
};

/**
 * One that was made elsewhere cannot be made again for another address. Where local nodes connect to the node itself it has to cover that; behind a proxy it need not,
 * and is asked for by a name that it covers.
 */
const nameOfGiven = (wish: VerifyWish, { sans }: CertificateFacts, published: string): string | undefined => {
  const dialled = dialledName(published);
  if (coversAddress({ sans }, dialled)) return isIp(dialled) ? undefined : dialled;
  if (wish.planned === null && !wish.trustedBy?.length) return serverNameFor([...sans], publishedAddress(published));
  throw new RemoraError(
    'step-failed',
    `The certificate of ${wish.node} (cluster ${wish.cluster}) was made elsewhere, and does not cover ${dialled}, by which nodes that connect ask for it: it names ${sans.join(', ')}.`,
    {
      hint: 'Have one signed that covers it, and give that with --files; or have the node listen elsewhere (remote_cluster.host).',
    },
  );
};

/** Waits until the port serves something else; what cannot be reached proves nothing, and stops nothing: the file is back. */
const verifyGone = async (parts: StepParts, context: StepContext, wish: VerifyWish, fingerprint256: string) => {
  await context.phase('waiting until what the run placed is served no more');
  try {
    const address = publishedAddress(await publishAddress(parts, wish));
    const isGone = await waitUntilGone(parts, context, wish, address, fingerprint256);
    return { address: formatAddress(parseAddress(address)), isGone };
  } catch (error) {
    if (!(error instanceof NotServed)) throw error;
    return { isGone: null, unproven: error.message };
  }
};

export const verifyServerStep =
  (parts: StepParts): Executor<'remote-server.verify'> =>
  async (context, wish) => {
    if (wish.gone !== undefined) return verifyGone(parts, context, wish, wish.gone);
    await context.phase('asking where it listens');
    const published = await publishAddress(parts, wish);
    const address = publishedAddress(published);
    // Elasticsearch dials by the name where there is one, others by the address.
    const names = [...new Set([parseAddress(address).host, dialledName(published).toLowerCase()])];
    const record = await parts.inventory.certificates.get(`${nodeKey(wish)}/${wish.purpose}`);
    if (!record)
      throw new RemoraError(
        'step-failed',
        `There is no certificate on record for the remote cluster server of ${wish.node}.`,
      );
    const { facts } = record;
    const isGiven = record.given !== undefined;
    const serverName = isGiven ? nameOfGiven(wish, facts, published) : undefined;
    // Remembered before it is filed: whoever goes on after a crash delivers the same certificate again, which takes effect once.
    const isCovered = names.every((name) => coversAddress(facts, name));
    const covered = isGiven || (context.memory.intent === null && isCovered);
    if (!covered) await rememberBefore(context, async () => record);
    if (!covered) await context.remember({ intent: { reissueFor: names } });
    const fingerprint = covered ? facts.fingerprint256 : await reissue(parts, context, wish, names);
    await context.phase('waiting until it is served');
    await waitUntilServed(parts, context, wish, address, fingerprint, { serverName });
    if (wish.trustedBy?.length) await context.phase('asking the nodes that connect whether they trust it');
    for (const node of wish.trustedBy ?? [])
      await refuseUntrusted(parts, context, wish, address, fingerprint, node, serverName);
    if (wish.planned) refuseOtherAddress(wish, published, wish.planned);
    return { address: formatAddress(parseAddress(address)), fingerprint256: fingerprint, reissued: !covered };
  };
