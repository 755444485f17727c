import { RemoraError } from '@remora/shared/errors.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import type { OperationResult } from '@remora/shared/operations.ts';
import { listNodes } from '../../../elasticsearch/observe-cluster.ts';
import { limitOf } from '../../../limit.ts';
import { type DialTarget, dialTarget, proxyTarget } from '../../../plan/connection/published-address.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';

type Wish = StepInputs['handshake.verify'];
type Found = OperationResult<'probe'>;

const PROBE_TIMEOUT_MS = 5000;
/** As long as a certificate may take to be served: a node that was told a moment ago may not have looked at its file. */
const SERVED_LIMIT_MS = 120_000;
/** A handshake may fail by chance where many connect. */
const REACH_LIMIT_MS = 15_000;
const AGAIN_MS = 500;

/** Where the node connects to: through the proxy, or to all nodes of the remote cluster that listen. */
const targetsOf = async ({ clients }: StepParts, { remote, proxy }: Wish): Promise<DialTarget[]> => {
  if (proxy) return [proxyTarget(proxy)];
  const nodes = await listNodes(await clients.get(remote));
  return nodes.flatMap(({ remoteClusterServer }) =>
    remoteClusterServer ? [dialTarget(remoteClusterServer.publishAddress)] : [],
  );
};

/** A handshake that trusts the CA alone, and another that trusts what the node is configured to trust: the first that is not trusted, else the last. */
const shakeHands = async (
  parts: StepParts,
  context: StepContext,
  { cluster, node, certificateAuthorities }: Wish,
  { address, serverName: name }: DialTarget,
  caPem: string,
): Promise<Found> => {
  const trusts = [
    { caPem },
    ...(certificateAuthorities.length > 0 ? [{ certificateAuthorities: [...certificateAuthorities] }] : []),
  ];
  const serverName = name ? { serverName: name } : {};
  let found: Found | undefined;
  for (const trust of trusts) {
    const input = { ...parseAddress(address), timeoutMs: PROBE_TIMEOUT_MS, tls: { ...trust, ...serverName } };
    found = await patientRead({ parts, context }, { cluster, node }, 'probe', input, PROBE_TIMEOUT_MS * 3);
    if (!found.tls?.trusted) return found;
  }
  return found as Found;
};

/** Whether it is reached; throws when it is, and still is not trusted when the time is over. */
const isReached = async (
  parts: StepParts,
  context: StepContext,
  wish: Wish,
  target: DialTarget,
  caPem: string,
): Promise<boolean> => {
  const [served, reach] = [limitOf(SERVED_LIMIT_MS), limitOf(REACH_LIMIT_MS)];
  for (;;) {
    const { tls } = await shakeHands(parts, context, wish, target, caPem);
    if (tls?.trusted) return true;
    if (tls === undefined && reach.isOver()) return false;
    if (tls !== undefined && served.isOver())
      throw new RemoraError(
        'step-failed',
        `Node ${wish.node} of cluster ${wish.cluster} does not trust what ${target.address} (cluster ${wish.remote}) serves by CA ${wish.ca}: ${tls.error}. It serves ${tls.chain[0]?.subject ?? 'no certificate'} by ${tls.chain[0]?.issuer ?? 'nobody'}.`,
      );
    await context.sleep(AGAIN_MS);
  }
};

/**
 * Handshakes from a node that connects with all that the remote cluster serves to it. What it cannot reach is not served to it either, and says nothing of
 * trust; that it reaches nothing at all is an error.
 */
export const verifyHandshakesStep =
  (parts: StepParts): Executor<'handshake.verify'> =>
  async (context, wish) => {
    const ca = await parts.inventory.cas.get(wish.ca);
    if (ca === null) throw new RemoraError('step-failed', `CA ${wish.ca} is not known any more.`);
    const targets = await targetsOf(parts, wish);
    await context.phase(`shaking hands with ${targets.length} ports of ${wish.remote}`);
    const trusted: string[] = [];
    for (const target of targets)
      if (await isReached(parts, context, wish, target, ca.certificatePem)) trusted.push(target.address);
    const unreached = targets.map(({ address }) => address).filter((address) => !trusted.includes(address));
    if (trusted.length > 0) return { trusted, unreached };
    throw new RemoraError(
      'step-failed',
      `Node ${wish.node} of cluster ${wish.cluster} reaches no port of cluster ${wish.remote}: ${unreached.join(', ') || 'none is published'}.`,
    );
  };
