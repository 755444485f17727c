import { RemoraError } from '@remora/shared/errors.ts';
import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import { isTold, type ToldCertificate } from '../../../plan/certificates/serial.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { Executor, StepContext } from '../../executor.ts';
import { askUntil } from '../ask-until.ts';
import { configuredWith, waitForReload } from '../cluster/configured.ts';
import type { StepParts } from '../parts.ts';

type Wish = StepInputs['trust.verify'];

const FOUND_LIMIT_MS = 60_000;

const factsOf = async (
  { inventory }: Pick<StepParts, 'inventory'>,
  names: readonly string[],
): Promise<CertificateFacts[]> => {
  const records = await Promise.all(names.map((name) => inventory.cas.get(name)));
  return records.map((record, i) => {
    if (record === null) throw new RemoraError('step-failed', `CA ${names[i]} is not known any more.`);
    return record.facts;
  });
};

/** The certificates that the node's own process finds in the file, or a sentence that says why that is not known. */
const foundBy = async (
  parts: StepParts,
  context: StepContext,
  { cluster, node, path }: Wish,
): Promise<readonly ToldCertificate[] | string> => {
  const { status, certificates } = await configuredWith(parts, context, { cluster, node }, [path]);
  if (status !== 200) return `it answers ${status} to GET /_ssl/certificates`;
  return certificates.length === 0 ? `its process is not configured with ${path}` : certificates;
};

const waitUntilFound = async (parts: StepParts, context: StepContext, wish: Wish): Promise<void> => {
  const [holds, lacks] = [await factsOf(parts, wish.holds), await factsOf(parts, wish.lacks)];
  const ask = async (): Promise<string | null> => {
    const found = await foundBy(parts, context, wish);
    if (typeof found === 'string') return found;
    const isFound = (ca: CertificateFacts): boolean => found.some((one) => isTold(one, ca));
    const isRight = holds.every(isFound) && !lacks.some(isFound);
    return isRight ? null : `it finds ${found.length} certificates there, and not the right ones`;
  };
  await askUntil(context, FOUND_LIMIT_MS, ask, {
    sentence: (why) =>
      `Node ${wish.node} of cluster ${wish.cluster} does not trust what ${wish.path} shall hold: ${why}.`,
  });
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
