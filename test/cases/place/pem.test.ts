import { describe, expect, test } from 'vitest';
import { pemFilesToRead } from '../../../coordinator/src/plan/certificates/pem.ts';
import type { PlaceFacts } from '../../../coordinator/src/plan/place/facts.ts';
import type { AnyStep } from '../../../coordinator/src/plan/steps.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { asItIs, carryOut, nodes, planIn, planWith, wish } from './plans.ts';
import { HTTP, placeFacts, TRANSPORT, type TransportWorld, transportWorld } from './world.ts';

describe('PEM files that elasticsearch.yml names', () => {
  /** Whose nodes trust the CA already, as where the CA that signed their certificates was imported with its key. */
  const trusting = (): TransportWorld => {
    const one = transportWorld('pem');
    for (const node of one.made.remote.nodes) {
      node.files['transport-ca.crt']?.certificates.push('fingerprint of a');
    }
    return one;
  };
  const writesOf = (step: AnyStep | undefined) =>
    step?.kind === 'node.change'
      ? step.input.operations.flatMap((call) =>
          call.name === 'files' ? call.input.write.map(({ path, source }) => [path, source]) : [call.name],
        )
      : [];

  test('are replaced under their names, key and certificate in one step of each node, and no node restarts', () => {
    const one = trusting();
    const before = structuredClone(nodeOf(one.made.remote, 'us-2').yml.values);
    const plan = planIn(one, asItIs());
    expect(lines(plan)).toEqual([
      ...['us-1', 'us-2', 'us-3'].map((node) => `trust-verify peer-trust.verify ${node} none`),
      ...nodes.map((node) => `issue certificate.issue ${node} none`),
      ...['first-files node.change us-2 file', 'first-verify certificate.verify us-2 none'],
      ...['us-3', 'us-1'].map((node) => `files node.change ${node} file`),
      ...['us-3', 'us-1'].map((node) => `verify certificate.verify ${node} none`),
    ]);
    expect(plan.restarts).toEqual([]);
    expect(writesOf(stepOf(plan, 'node.change', 'us-2'))).toEqual([
      ['transport.key', 'secret:node/us/us-2/transport/key@1'],
      ['transport.crt', 'secret:node/us/us-2/transport/certificate@1'],
    ]);
    carryOut(one, plan.steps, () => false);
    expect(nodeOf(one.made.remote, 'us-2').yml.values).toEqual(before);
    expect(planIn(one, asItIs()).steps).toEqual([]);
    const again = stepOf(planIn(one, asItIs(wish({ validity: '20d' }))), 'certificate.issue', 'us-2').input;
    expect([again.p12Secret, again.key?.secret]).toEqual([
      'secret:node/us/us-2/transport/certificate@2',
      'secret:node/us/us-2/transport/key@2',
    ]);
  });

  test('are restarted for where the process was started with another file', () => {
    const one = trusting();
    nodeOf(one.made.remote, 'us-3').yml.modifiedAtMs = one.made.nowMs + 1000;
    expect(planIn(one, asItIs()).restarts).toEqual(['us-3']);
  });

  test('give way to a PKCS#12 file where that is asked for, and the other way round by hand alone', () => {
    const one = trusting();
    carryOut(one, planIn(one, asItIs()).steps);
    const plan = planIn(one, wish());
    expect(plan.restarts).toEqual(nodes);
    carryOut(one, plan.steps);
    expect(nodeOf(one.made.remote, 'us-1').yml.values).not.toHaveProperty([`${TRANSPORT}.key`]);
    expect(planIn(one, asItIs()).steps).toEqual([]);
    expect(() => planIn(one, wish({ format: 'pem' }))).toThrow(
      /elasticsearch\.yml of node us-1 \(cluster us\) names no PEM files as xpack\.security\.transport\.ssl\.certificate and \.key/,
    );
  });

  /** As the agents see it: what tells whether the key can be read without a passphrase. */
  const withKey = (facts: PlaceFacts, publicKeyDigest: string | null, entries: readonly string[]): PlaceFacts => ({
    ...facts,
    cluster: {
      ...facts.cluster,
      nodes: facts.cluster.nodes.map((node) => {
        if (node.agent.state !== 'online') return node;
        const key = { path: 'transport.key', digest: 'd', source: null, modifiedAtMs: 0, certificates: [] };
        const files = [...node.agent.facts.files, { ...key, publicKeyDigest }];
        const keystore = {
          ...node.agent.facts.keystore,
          entries: entries.map((name) => ({ name, reference: null, writtenAtMs: null })),
        };
        return { ...node, agent: { ...node.agent, facts: { ...node.agent.facts, files, keystore } } };
      }),
    },
  });
  const PASSPHRASE = `${TRANSPORT}.secure_key_passphrase`;

  test('an encrypted key stays so, with the passphrase of its node or of all', () => {
    const one = trusting();
    one.secretVersions = { 'key-passphrase/us': 2, 'key-passphrase/us/us-3': 1 };
    const plan = planWith(one, asItIs(), withKey(placeFacts(one), null, [PASSPHRASE]));
    const passphrases = plan.steps.flatMap((step) =>
      step.kind === 'certificate.issue' ? [step.input.key?.passphraseSecret] : [],
    );
    expect(passphrases).toEqual([
      'secret:key-passphrase/us@2',
      'secret:key-passphrase/us/us-3@1',
      'secret:key-passphrase/us@2',
    ]);
    expect(plan.restarts).toEqual([]);
  });

  /** As the agents see it: where symlinks lead. */
  const leading = (facts: PlaceFacts, links: Readonly<Record<string, string>>): PlaceFacts => ({
    ...facts,
    cluster: {
      ...facts.cluster,
      nodes: facts.cluster.nodes.map((node) => {
        if (node.agent.state !== 'online') return node;
        const found = Object.entries(links).map(([path, realPath]) => ({
          ...{ path, realPath: `/etc/elasticsearch/${realPath}`, digest: 'd', source: null, modifiedAtMs: 0 },
          certificates: [],
        }));
        const files = [...node.agent.facts.files.filter(({ path }) => !(path in links)), ...found];
        return { ...node, agent: { ...node.agent, facts: { ...node.agent.facts, files } } };
      }),
    },
  });

  test('what may be the same file is looked at, but for paths that only Elasticsearch knows', () => {
    const one = trusting();
    Object.assign(nodeOf(one.made.remote, 'us-1').yml.values, {
      [`${HTTP}.certificate`]: 'http.crt',
      [`${HTTP}.key`]: `\${KEYS}/http.key`,
    });
    const [node] = placeFacts(one).cluster.nodes;
    expect(new Set(node && pemFilesToRead(node, 'transport'))).toEqual(
      new Set(['transport.crt', 'transport.key', 'transport-ca.crt', 'http.crt']),
    );
  });

  test.each<[string, RegExp, (one: TransportWorld) => PlaceFacts]>([
    [
      'a file that another port has too, through a symlink',
      /xpack\.security\.http\.ssl\.certificate of node us-1 \(cluster us\) names a file of xpack\.security\.transport\.ssl too/,
      (one) => {
        nodeOf(one.made.remote, 'us-1').yml.values[`${HTTP}.certificate`] = 'http.crt';
        return leading(placeFacts(one), { 'http.crt': 'transport.crt', 'transport.crt': 'transport.crt' });
      },
    ],
    [
      'certificate and key in one file, through a symlink',
      /stand in one file, transport\.key/,
      (one) => leading(placeFacts(one), { 'transport.key': 'pair.pem', 'transport.crt': 'pair.pem' }),
    ],
    [
      'an encrypted key whose passphrase is not here',
      /is encrypted, and shall stay so: store its passphrase, .* `remora secrets set key-passphrase\/us --file FILE`/,
      (one) => withKey(placeFacts(one), null, [PASSPHRASE]),
    ],
    [
      'an encrypted key whose passphrase stands in elasticsearch.yml',
      /its keystore has no xpack\.security\.transport\.ssl\.secure_key_passphrase/,
      (one) => withKey(placeFacts(one), null, []),
    ],
    [
      'a file elsewhere',
      /names \/etc\/pki\/us\.key as xpack\.security\.transport\.ssl\.key, which is no path below its configuration directory/,
      (one) => {
        nodeOf(one.made.remote, 'us-1').yml.values[`${TRANSPORT}.key`] = '/etc/pki/us.key';
        return placeFacts(one);
      },
    ],
    [
      'a file that another port has too, by another way of writing it',
      /xpack\.security\.http\.ssl\.certificate of node us-1 \(cluster us\) names a file of xpack\.security\.transport\.ssl too/,
      (one) => {
        nodeOf(one.made.remote, 'us-1').yml.values[`${HTTP}.certificate`] = '/etc/elasticsearch/./transport.crt';
        return placeFacts(one);
      },
    ],
    [
      'certificate and key in one file',
      /stand in one file, transport\.crt/,
      (one) => {
        nodeOf(one.made.remote, 'us-1').yml.values[`${TRANSPORT}.key`] = 'transport.crt';
        return placeFacts(one);
      },
    ],
  ])('refused: %s', (_, sentence, factsIn) => {
    const one = trusting();
    const facts = factsIn(one);
    expect(() => planWith(one, asItIs(), facts)).toThrow(sentence);
    expect(() => planWith(one, asItIs(), facts)).toThrow(/--format pkcs12/);
    expect(planWith(one, wish(), facts).steps.length).toBeGreaterThan(0);
  });
});
