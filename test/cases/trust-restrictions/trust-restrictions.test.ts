import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planRollback } from '../../../coordinator/src/plan/rollback/rollback.ts';
import { letsIn } from '../../../coordinator/src/plan/trust/trusted-names.ts';
import { planRestrictionsRemoval } from '../../../coordinator/src/plan/trust-restrictions/remove.ts';
import { lines, stepOf } from '../connect/plans.ts';
import { nodeOf } from '../connect/world.ts';
import { carryOut, nodes, planIn, rollbackFacts, wish } from '../place/plans.ts';
import { RESTRICTIONS, TRANSPORT, type TransportWorld, transportWorld } from '../place/world.ts';
import { CLOUD, contextOf, DEPLOYMENT, factsIn, named, OWN, removeIn, restricted, setIn, takenBack } from './plans.ts';

const FILE = 'remora-trust-restrictions.yml';
const OTHER = '*.node.*.cluster.83988631.account';

const yml = (one: TransportWorld, node = 'us-1') => nodeOf(one.made.remote, node).yml.values;
const patterns = (one: TransportWorld) => [...one.loaded.values()].map((loaded) => loaded.letsIn);
const three = (value: unknown): unknown[] => Array(3).fill(value);

describe('set', () => {
  test('every name is proven, then one node is restricted and seen in its cluster, then the others; the elected master last', () => {
    const plan = setIn(named());
    expect(lines(plan)).toEqual([
      ...['us-1', 'us-2', 'us-3'].map((node) => `names transport-name.verify ${node} none`),
      ...['first-roll node.change us-2 restart', 'first-verify transport-name.verify us-2 none'],
      ...['us-3', 'us-1'].map((node) => `roll node.change ${node} restart`),
      ...['us-3', 'us-1'].map((node) => `verify transport-name.verify ${node} none`),
    ]);
    expect(plan.restarts).toEqual(nodes);
  });

  test("the cluster's own nodes are always in the file, and a pattern stands in quotes", () => {
    const call = stepOf(setIn(named()), 'node.change').input.operations[0];
    const content = call?.name === 'files' ? String(call.input.write[0]?.content) : '';
    expect(Buffer.from(content, 'base64').toString()).toBe(`trust.subject_name:\n  - "${DEPLOYMENT}"\n  - "${OWN}"\n`);
    const one = restricted();
    expect([yml(one)[RESTRICTIONS], patterns(one)]).toEqual([FILE, three([DEPLOYMENT, OWN])]);
    expect(setIn(one).steps).toEqual([]);
  });

  test('other patterns later need no restart, and the diff says whom the file lets in before and after', () => {
    const one = restricted();
    const plan = setIn(one, [OTHER]);
    expect([plan.restarts, plan.stages.map(({ id }) => id)]).toEqual([[], ['names', 'files', 'verify']]);
    expect(stepOf(plan, 'node.change').diff.split('\n')).toEqual(
      expect.arrayContaining([`-   lets in ${DEPLOYMENT}`, `+   lets in ${OTHER}`, `+   lets in ${OWN}`]),
    );
    carryOut(one, plan.steps, () => false);
    expect([one.restarts, patterns(one), setIn(one, [OTHER]).steps]).toEqual([[], three([OTHER, OWN]), []]);
  });

  test('a name of another form than that of Elastic Cloud is let in as it is', () => {
    const one = named();
    const facts = factsIn(one);
    const ports = new Map(facts.ports).set('us-3', { names: ['us-3.example.com'], problem: '' });
    expect(stepOf(setIn(one, [DEPLOYMENT], { ...facts, ports }), 'transport-name.verify').input.patterns).toEqual([
      ...[DEPLOYMENT, OWN, 'us-3.example.com'],
    ]);
  });

  test('a node that joins later, with the same names, is restricted alone', () => {
    const one = restricted();
    const late = nodeOf(one.made.remote, 'us-3');
    delete late.files[FILE];
    delete late.yml.values[RESTRICTIONS];
    expect(setIn(one).restarts).toEqual(['us-3']);
  });

  test('a file that somebody made is replaced by one of Remora, and its patterns are shown', () => {
    const one = named();
    for (const node of one.made.remote.nodes) {
      node.yml.values[RESTRICTIONS] = 'trust.yml';
      node.files['trust.yml'] = { source: null, certificates: [], trustedNames: ['*.node.own.*'] };
    }
    expect(stepOf(setIn(one), 'node.change').diff).toContain(`-   ${RESTRICTIONS}: trust.yml`);
    carryOut(one, setIn(one).steps);
    expect(yml(one)[RESTRICTIONS]).toBe(FILE);
  });

  test('cut off anywhere, with files read at once or late: no node shuts another out, and the same command goes on', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.nat(12),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        (isAgain, cut, reads) => {
          const one = isAgain ? restricted() : named();
          const isRead = (index: number): boolean => reads[index % reads.length] ?? true;
          const asked = isAgain ? [OTHER] : [DEPLOYMENT];
          const { steps } = setIn(one, asked);
          carryOut(one, steps.slice(0, cut), isRead);
          carryOut(one, setIn(one, asked).steps);
          // Files are read in time, whoever waits for that.
          carryOut(
            one,
            steps.filter(({ kind }) => kind === 'transport-name.verify'),
          );
          expect([setIn(one, asked).steps, patterns(one)]).toEqual([[], three([...asked, OWN].sort())]);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('is refused', () => {
  test.each<[string, (one: TransportWorld) => void, RegExp]>([
    [
      'an agent that is away',
      (one) => {
        nodeOf(one.made.remote, 'us-3').agent = 'offline';
      },
      /The agent of node us-3 \(cluster us\) is offline/,
    ],
    [
      'a node that is not in the cluster: it would not come back',
      (one) => {
        one.made.remote.absentNodes = ['us-4'];
      },
      /Node us-4 has an agent and is not in cluster us/,
    ],
    [
      'certificates that are not verified',
      (one) => {
        yml(one)[`${TRANSPORT}.verification_mode`] = 'none';
      },
      /has xpack\.security\.transport\.ssl\.verification_mode: none/,
    ],
    [
      'certificates that are not asked for',
      (one) => {
        yml(one)[`${TRANSPORT}.client_authentication`] = 'optional';
      },
      /client_authentication other than required/,
    ],
    [
      'restrictions by other fields of certificates',
      (one) => {
        yml(one)[`${TRANSPORT}.trust_restrictions.x509_fields`] = ['subjectAltName.dnsName'];
      },
      /look at subjectAltName\.dnsName .* and not at the otherName/,
    ],
    [
      'a process that never looks at its files again',
      (one) => {
        nodeOf(one.made.remote, 'us-1').running.settings['resource.reload.enabled'] = 'false';
      },
      /does not look at its files again/,
    ],
  ])('%s', (_, bend, sentence) => {
    const one = named();
    bend(one);
    expect(() => setIn(one)).toThrow(sentence);
  });

  test('certificates without names, with the command that gives them some', () => {
    expect(() => setIn(transportWorld('pem'))).toThrow(
      /us-1 \(cluster us\) has no name of the kind otherName: .*certs place --cluster us --purpose transport --ca NAME --cloud-cluster ID/,
    );
  });

  test.each<[string, readonly string[], string, RegExp | null]>([
    ['without names', [], '', /^Connection eu\/us goes by certificates, and node eu-1 .* has no name .*certs place/],
    ['with another name', ['eu-1.node.eu0.cluster.7.account'], '', /let it in with --allow '\*\.node\.eu0\./],
    ['that is not seen', [], 'its agent is away', /^What node eu-1 \(cluster eu\) serves .* its agent is away/],
    ['that is let in', [DEPLOYMENT.replace('*', 'eu-1')], '', null],
  ])('a node of a cluster that is connected by certificates %s', (_, names, problem, sentence) => {
    const one = named();
    const peers = [{ connection: 'eu/us', cluster: 'eu', ports: new Map([['eu-1', { names, problem }]]) }];
    const set = () => setIn(one, [DEPLOYMENT], { ...factsIn(one), peers });
    if (sentence === null) expect(set().steps.length).toBeGreaterThan(0);
    else expect(set).toThrow(sentence);
  });

  test.each([
    [{ names: [], problem: 'refused: nobody listens' }, /is not known: refused: nobody listens/],
    [{ names: ['/us-.*/'], problem: '' }, /has the otherName "\/us-\.\*\/", which cannot stand as a pattern/],
  ])('a port that shows %j', (port, sentence) => {
    const one = named();
    const facts = factsIn(one);
    expect(() => setIn(one, [DEPLOYMENT], { ...facts, ports: new Map(facts.ports).set('us-2', port) })).toThrow(
      sentence,
    );
  });
});

describe('remove', () => {
  test('the setting goes node by node, and the file once no process needs it', () => {
    const one = restricted();
    const plan = removeIn(one);
    expect(lines(plan)).toEqual([
      ...nodes.map((node) => `roll node.change ${node} restart`),
      ...nodes.map((node) => `files node.change ${node} file`),
    ]);
    carryOut(one, plan.steps);
    expect([patterns(one), removeIn(one).steps, setIn(one).restarts]).toEqual([three(null), [], nodes]);
    expect(nodeOf(one.made.remote, 'us-1').files).not.toHaveProperty([FILE]);
  });

  test('names the CAs by which others are let in then', () => {
    const one = restricted();
    nodeOf(one.made.remote, 'us-2').files['transport-ca.crt']?.certificates.push('fingerprint of region');
    expect(removeIn(one).warnings).toContainEqual(
      expect.stringMatching(
        /none of its own nodes is let in, as far as their ports show: .*CN=fingerprint of region[.;] .*take it out of their files and truststores first/,
      ),
    );
  });

  test('names those in truststores too, and says where what stands in one is not known', () => {
    const one = restricted();
    const facts = factsIn(one);
    for (const node of facts.cluster.nodes)
      if (node.agent.state === 'online')
        delete node.agent.facts.settingsFile.values[`${TRANSPORT}.certificate_authorities`];
    const region = { subject: 'CN=region', issuer: '', serial: 'ab12', notAfter: '' };
    const stores = new Map<string, (typeof region)[] | string>([
      ['us-1', [region]],
      ['us-2', 'it answers 403'],
    ]);
    const plan = planRestrictionsRemoval(
      { cluster: 'us' },
      { ...facts, transport: { ...facts.transport, stores } },
      contextOf(one),
    );
    expect(plan.warnings).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/none of its own nodes is let in, as far as their ports show: CN=region\. /),
        'Which CAs node us-2 trusts is not known: it answers 403.',
      ]),
    );
  });

  test('cut off anywhere, the same command goes on', () => {
    for (let cut = 0; cut <= removeIn(restricted()).steps.length; cut += 1) {
      const one = restricted();
      carryOut(one, removeIn(one).steps.slice(0, cut));
      carryOut(one, removeIn(one).steps);
      expect([patterns(one), removeIn(one).steps]).toEqual([three(null), []]);
    }
  });

  test('a node whose setting went and that was not restarted is restarted', () => {
    const one = restricted();
    delete yml(one, 'us-3')[RESTRICTIONS];
    nodeOf(one.made.remote, 'us-3').yml.modifiedAtMs = one.made.nowMs + 5;
    expect(removeIn(one).restarts).toContain('us-3');
  });

  test('a file that somebody made is left to them', () => {
    const one = named();
    yml(one)[RESTRICTIONS] = 'trust.yml';
    expect(() => removeIn(one)).toThrow(/us-1 \(cluster us\) trusts by trust\.yml, which Remora did not place/);
  });
});

test('taken back, however far the run got: restrictions, other patterns, and their removal', () => {
  const ways = [
    [named, (one: TransportWorld) => setIn(one)],
    [restricted, (one: TransportWorld) => setIn(one, [OTHER])],
    [restricted, removeIn],
  ] as const;
  for (const [make, plan] of ways) {
    const { steps } = plan(make());
    const first = steps.findIndex(({ kind }) => kind === 'node.change') + 1;
    for (let until = first; until <= steps.length; until += 1) {
      const one = make();
      const before = patterns(one);
      const made = plan(one);
      carryOut(one, made.steps.slice(0, until));
      carryOut(one, takenBack(one, made, until).steps);
      expect([patterns(one), yml(one)[RESTRICTIONS]]).toEqual([before, yml(make())[RESTRICTIONS]]);
    }
  }
});

test('a placement is not taken back from under the restrictions that somebody made since, by hand too', () => {
  const one = transportWorld('pem');
  const plan = planIn(one, wish({ cloud: CLOUD }));
  carryOut(one, plan.steps);
  const back = () => planRollback({ run: 'run-1' }, rollbackFacts(one, plan, plan.steps.length, []), contextOf(one));
  expect(back().steps.length).toBeGreaterThan(0);
  yml(one)[RESTRICTIONS] = 'trust.yml';
  expect(back).toThrow(
    /node us-1 of cluster us trusts by names \(trust\.yml\), and node us-\d would get a certificate back without the name/,
  );
});

describe('certificates that are placed later', () => {
  test('keep the names of those before', () => {
    const one = restricted();
    const plan = planIn(one, wish({ ca: 'b' }));
    expect(stepOf(plan, 'certificate.issue').input.otherNames).toEqual(['us-2.node.own.cluster.7.account']);
    carryOut(one, plan.steps, () => false);
    expect(planIn(one, wish({ ca: 'b' })).steps).toEqual([]);
  });

  test('of another name are refused until that is let in', () => {
    const one = restricted();
    const cloud = { ...CLOUD, cluster: 'new' };
    expect(() => planIn(one, wish({ cloud }))).toThrow(
      /lets in .*own.*, and the certificate for us-1 would have no such name \(us-1\.node\.new\.cluster\.7\.account\)/,
    );
    carryOut(one, setIn(one, [DEPLOYMENT, '*.node.new.cluster.7.account']).steps);
    carryOut(one, planIn(one, wish({ cloud })).steps);
    expect(one.loaded.get('us-1')?.names).toEqual(['us-1.node.new.cluster.7.account']);
  });

  test('are refused where it is not known whom a node lets in', () => {
    const one = restricted();
    delete nodeOf(one.made.remote, 'us-2').files[FILE]?.trustedNames;
    expect(() => planIn(one, wish({ ca: 'b' }))).toThrow(/us-2 .* and whom that lets in is not known/);
  });
});

test.each([
  ['*.node.own.cluster.7.account', 'us-1.node.own.cluster.7.account', true],
  ['*.node.own.cluster.7.account', 'US-1.NODE.own.cluster.7.account', false],
  ['*.node.own.cluster.7.account', 'us-1.node.own.cluster.7.account.x', false],
  ['node?.example.com', 'node1.example.com', true],
  ['node?.example.com', 'node12.example.com', false],
  ['node1.example.com', 'node1xexample.com', false],
  ['*', 'anything', true],
  ['/us-.*/', 'us-1', false],
  ['us\\-1', 'us-1', false],
])('the pattern %s and the name %s: %s', (pattern, name, isIn) => {
  expect(letsIn([pattern], [name])).toBe(isIn);
});
