import { RemoraError } from '@remora/shared/errors.ts';
import { limitOf } from '../../../limit.ts';
import { isProven, proveConnection } from '../../../observe/connections/proof.ts';
import type { Executor } from '../../executor.ts';
import { rememberBefore } from '../before.ts';
import type { StepParts } from '../parts.ts';

/** A CA file that was just placed is polled for, and a connection that failed once is tried again by the next request. */
const PROOF_LIMIT_MS = 90_000;
const AGAIN_MS = 2000;

export const recordConnectionStep =
  ({ inventory }: Pick<StepParts, 'inventory'>): Executor<'connection.record'> =>
  async (context, { connection }) => {
    const id = `${connection.local}/${connection.alias}`;
    await rememberBefore(context, () => inventory.connections.get(id));
    await context.file('connections', id, connection);
    return null;
  };

export const proveConnectionStep =
  (parts: StepParts): Executor<'connection.prove'> =>
  async (context, { local, alias, keySecret, keyId, nodes, limitMs }) => {
    const id = keyId ?? (keySecret && (await parts.inventory.apiKeys.get(keySecret))?.id) ?? null;
    const limit = limitOf(limitMs ?? PROOF_LIMIT_MS);
    for (;;) {
      await context.phase('asking every node to cross the connection');
      const proof = await proveConnection(parts, local, alias, id, nodes);
      if (isProven(proof)) return { proof };
      if (limit.isOver()) {
        const bad = proof.filter(({ state }) => state === 'failed');
        const first = bad[0] ?? proof.find(({ error }) => error !== null);
        const hint = first?.hint ? { hint: first.hint } : {};
        throw new RemoraError(
          'proof-failed',
          `The connection ${alias} of cluster ${local} works from ${proof.filter(({ ok }) => ok).length} of ${proof.length} nodes; ${first?.node ?? 'no node'}: ${first?.error ?? 'none has the role remote_cluster_client'}.`,
          hint,
        );
      }
      await context.sleep(AGAIN_MS);
    }
  };
