import { RemoraError } from '@remora/shared/errors.ts';
import { describeCertificate } from '../../pki/describe.ts';
import type { Executor } from '../executor.ts';
import { rememberBefore } from './before.ts';
import type { StepParts } from './parts.ts';

/** Files a CA without a key. Its certificate is kept as a secret too: deliveries carry contents by reference. */
export const trustCaStep =
  ({ inventory, secrets }: Pick<StepParts, 'inventory' | 'secrets'>): Executor<'ca.trust'> =>
  async (context, { ca, certificatePem }) => {
    const standing = await inventory.cas.get(ca);
    await rememberBefore(context, async () => standing);
    const facts = describeCertificate(certificatePem);
    const { fingerprint256 } = facts;
    if (standing !== null) {
      if (standing.facts.fingerprint256 === fingerprint256) return { fingerprint256 };
      throw new RemoraError('plan-stale', `Somebody filed another CA under the name ${ca} after the plan was made.`, {
        hint: 'Give the command again.',
      });
    }
    await context.checkFence();
    const certificate = await secrets.put(`ca/${ca}/${fingerprint256.slice(0, 16)}/certificate`, certificatePem);
    await context.file('cas', ca, { name: ca, certificatePem, certificate, key: null, facts });
    return { fingerprint256 };
  };
