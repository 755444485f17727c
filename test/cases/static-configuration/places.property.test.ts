import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPlaced, placeOf } from '../../../coordinator/src/plan/connection/alias-place.ts';
import { requests, worlds } from '../connect/arbitraries.ts';
import { type Cut, cutOff, cuts, expectToBeCompleted } from '../connect/cut.ts';
import { connected, planIn } from '../connect/plans.ts';
import { isConnected } from '../connect/truth.ts';
import type { World } from '../connect/world.ts';
import { disconnected } from '../disconnect/plans.ts';

/** Wherever an alias stands, goes to and was cut off on the way, the next plan understands it. */

const runs = { numRuns: 60 };

interface Wished {
  readonly world: World;
  readonly wishes: readonly ConnectRequest[];
}

/** A fleet, and wishes for one connection after the other, each with the alias where it likes. Nothing is signed: that keeps an alias out of files. */
const wished = (count: number): fc.Arbitrary<Wished> =>
  fc
    .tuple(worlds, fc.array(fc.tuple(requests, fc.nat(99)), { minLength: count, maxLength: count }))
    .map(([world, all]) => ({
      world,
      wishes: all.map(([{ certificateIdentity: _, signingValidity: __, ...wish }, pick]) => ({
        ...wish,
        expires: '90d',
        ...placeIn(world, pick),
      })),
    }));

/** In the settings of the cluster, in the files of all nodes that connect, or of some. */
const placeIn = ({ local }: World, pick: number): Pick<ConnectRequest, 'staticNodes'> => {
  if (pick % 4 === 0) return {};
  if (pick % 4 === 1) return { staticNodes: 'all' };
  const names = local.nodes.filter(({ roles }) => roles.includes('remote_cluster_client')).map(({ name }) => name);
  const some = names.filter((_, i) => ((pick >> 2) >> i) % 2 === 0);
  return { staticNodes: some.length === 0 ? names : some };
};

/** A first wish that was carried out, and a second one of which a run ended anywhere. */
const moved = (world: World, [from, to]: readonly ConnectRequest[], cut: Cut): World => {
  if (from === undefined || to === undefined) throw new Error('there are too few wishes');
  const made = connected(world, from);
  return cutOff(made, planIn(made, to).steps, cut);
};

/** What stands on nodes and in settings of clusters. A restart has a process read what people wrote before, so what that has is another matter. */
const files = ({ local, remote }: World): unknown =>
  [local, remote].map(({ persistent, nodes }) => [
    persistent,
    nodes.map(({ yml, keystore, files }) => [yml.values, Object.keys(keystore.entries), Object.keys(files)]),
  ]);

describe('an alias that is brought from one place to another', () => {
  test('and cut off anywhere is where the next wish has it, with nothing left to do', () => {
    fc.assert(
      fc.property(wished(3), cuts, ({ world, wishes }, cut) => {
        const [, to, next] = wishes;
        for (const wish of [to, next]) if (wish) expectToBeCompleted(moved(world, wishes, cut), wish);
      }),
      runs,
    );
  });

  test('with nothing else changed works at every instant from nodes that had it and keep it', () => {
    fc.assert(
      fc.property(wished(2), ({ world, wishes: [from, to] }) => {
        if (from === undefined || to === undefined) return;
        const made = connected(world, from);
        const { staticNodes: _, ...same } = from;
        const { steps } = planIn(made, to.staticNodes === undefined ? same : { ...same, staticNodes: to.staticNodes });
        const keep = world.local.nodes
          .map(({ name }) => name)
          .filter((name) => [from, to].every((wish) => isPlaced(placeOf(wish), name)));
        for (let at = 0; at <= steps.length; at += 1)
          for (const died of [false, true]) {
            const now = cutOff(made, steps, { at, died });
            const connections = now.connections.map((one) => ({ ...one, staticNodes: keep }));
            expect(isConnected({ ...now, connections }, 'us')).toBe(true);
          }
      }),
      runs,
    );
  });

  test('and cut off anywhere is taken apart, with both clusters as they were', () => {
    fc.assert(
      fc.property(wished(2), cuts, ({ world, wishes }, cut) => {
        const after = disconnected(moved(world, wishes, cut));
        expect(files(after)).toEqual(files(world));
        expect(after.connections).toEqual([]);
        for (const { running } of after.local.nodes)
          expect(Object.keys(running.settings).filter((name) => name.startsWith('cluster.remote.'))).toEqual([]);
      }),
      runs,
    );
  });
});
