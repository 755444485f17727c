import type { RemoraError } from '@remora/shared/errors.ts';
import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import { describe, expect, test } from 'vitest';
import { cloudConnected, cloudPlan } from '../connect/deployments.ts';
import { certificateFacts } from '../connect/facts.ts';
import { lines } from '../connect/plans.ts';
import { works } from '../connect/truth.ts';
import { deploymentIn, nodeOf, type World } from '../connect/world.ts';
import { BUNDLE, carriedOut, imported, planCa, standing } from './plans.ts';

describe('is refused', () => {
  test.each<[string, Partial<CaRotateRequest>, (made: World) => void, RegExp]>([
    ['a CA that is not known', { ca: 'other' }, () => {}, /There is no CA "other"/],
    [
      'one that nothing uses',
      {},
      (it) => {
        it.connections = [];
        it.certificates = [];
      },
      /Nothing uses CA us-remote/,
    ],
    ['itself', { to: 'us-remote' }, () => {}, /it is the same/],
    ['one that is not known as the new one', { to: 'other' }, () => {}, /There is no CA "other"/],
    [
      'one without its key',
      { to: 'corporate' },
      (it) => imported(it, { key: null }),
      /corporate cannot take .*: its key is not here/,
    ],
    [
      'one that has ended',
      { to: 'corporate' },
      (it) => imported(it, { facts: certificateFacts('theirs', 0, it.nowMs - 1) }),
      /corporate cannot take .*: it ended at/,
    ],
    [
      'one that ends soon',
      { to: 'corporate' },
      (it) => imported(it, { facts: certificateFacts('theirs', 0, it.nowMs + 86_400_000) }),
      /in less than 30 days/,
    ],
    [
      'another one than that of a rotation that was begun',
      { to: 'corporate' },
      (it) => {
        imported(it);
        it.cas = it.cas.map((ca) => (ca.name === 'us-remote' ? { ...ca, successor: 'us-remote-2' } : ca));
      },
      /us-remote-2 is taking the place of us-remote already/,
    ],
    [
      'one that is only taking the place of another',
      { ca: 'us-remote-2' },
      (it) => Object.assign(it, carriedOut(it, planCa(it).steps, 6)),
      /us-remote-2 is only taking the place of us-remote/,
    ],
    [
      'one that is retired',
      {},
      (it) => Object.assign(it, carriedOut(it, planCa(it).steps)),
      /us-remote is retired: CA us-remote-2 took its place/,
    ],
    [
      'a CA that signed for other ports',
      {},
      (it) => {
        it.certificates = it.certificates.map((one) => ({
          ...one,
          purpose: one.node === 'us-1' ? ('http' as const) : one.purpose,
        }));
      },
      /also signed the certificate of us\/us-1 for http/,
    ],
    [
      'an agent of a node that serves which is away',
      { waitOffline: true },
      (it) => {
        nodeOf(it.remote, 'us-1').agent = 'offline';
      },
      /The agent of node us-1 \(cluster us\) is offline/,
    ],
    [
      'an agent of a node that connects which is away',
      {},
      (it) => {
        nodeOf(it.local, 'eu-2').agent = 'offline';
      },
      /The agent of node eu-2 \(cluster eu\) is offline/,
    ],
    [
      'a bundle that somebody changed',
      {},
      (it) => nodeOf(it.local, 'eu-1').files[BUNDLE]?.certificates.push('unknown'),
      /remora-remote-cluster-cas\.crt of node eu-1 \(cluster eu\) was changed by somebody else: it holds CN=unknown/,
    ],
    [
      'another file in elasticsearch.yml',
      {},
      (it) => {
        nodeOf(it.local, 'eu-1').yml.values['xpack.security.remote_cluster_client.ssl.certificate_authorities'] =
          'a.crt';
      },
      /does not trust remote clusters by .*: elasticsearch\.yml names a\.crt/,
    ],
    [
      'a node that never looks at its files again',
      {},
      (it) => {
        nodeOf(it.local, 'eu-1').running.settings['resource.reload.enabled'] = 'false';
      },
      /eu-1 \(cluster eu\) does not look at its files again/,
    ],
    [
      'a certificate of somebody else on a node that serves',
      {},
      (it) => {
        it.certificates = it.certificates.filter(({ node }) => node !== 'us-1');
      },
      /us-1 \(cluster us\) serves the remote cluster port with a certificate that Remora did not make/,
    ],
    [
      'a file that somebody replaced on a node that serves',
      {},
      (it) => {
        nodeOf(it.remote, 'us-1').files = {};
      },
      /remora-remote-cluster-server\.p12 of node us-1 \(cluster us\) is not what Remora placed there/,
    ],
    [
      'a node with an agent that is not in its cluster',
      {},
      (it) => it.local.absentNodes.push('eu-9'),
      /Node eu-9 has an agent and is not in cluster eu/,
    ],
  ])('%s', (_, wish, change, sentence) => {
    const refused = (): RemoraError => {
      try {
        planCa(standing(change), wish);
      } catch (error) {
        return error as RemoraError;
      }
      throw new Error('it was not refused');
    };
    expect(refused().message).toMatch(sentence);
  });
});

describe('a deployment that connects', () => {
  const cloud = (change: (it: World) => void = () => {}): World => {
    const made = cloudConnected();
    imported(made);
    change(made);
    return made;
  };
  const message = (made: World, wish: Partial<CaRotateRequest>): string => {
    try {
      planCa(made, wish);
    } catch (error) {
      return (error as RemoraError).message;
    }
    return 'planned';
  };

  test('has to trust the new CA beforehand, by commands that are named', () => {
    expect(message(cloud(), {})).toMatch(
      /Deployment logs connects by eu\/us and does not trust CA us-remote-2: `remora ca create us-remote-2`, then `remora clouds trust acme d1 us-remote-2 --ca us-remote-2`/,
    );
    expect(message(cloud(), { to: 'corporate' })).toMatch(
      /does not trust CA corporate: `remora clouds trust acme d1 corporate/,
    );
  });

  test('is connected through all of it once it does', () => {
    const made = cloud((it) => {
      const certificates = [{ pem: it.cas.find(({ name }) => name === 'corporate')?.certificatePem ?? '' }];
      deploymentIn(it).direct.push({ name: 'corporate', type: 'proxy', trust_all: false, certificates });
    });
    const { steps } = planCa(made, { to: 'corporate' });
    for (let count = 1; count <= steps.length; count += 1)
      expect([count, works(carriedOut(made, steps, count), 'us')]).toEqual([count, true]);
    const after = carriedOut(made, steps);
    expect(lines(cloudPlan(after))).toEqual(['cloud-trust cloud.trust logs api', 'connect connection.prove eu none']);
  });

  test('through what has a certificate of the old CA is named, whoever else uses that CA', () => {
    const through = cloud((it) => {
      it.connections = it.connections.map((one) => ({ ...one, proxyCa: 'corporate' }));
    });
    expect(message(through, { ca: 'corporate' })).toBe(
      'The connection eu/us goes through what has a certificate of CA corporate (--proxy-ca), and Remora does not replace that certificate.',
    );
  });

  test('is not asked to where something else stands before the remote cluster', () => {
    const made = cloud((it) => {
      it.connections = it.connections.map((one) => ({ ...one, proxyCa: 'public' }));
    });
    expect(message(made, { to: 'corporate' })).toBe('planned');
  });
});
