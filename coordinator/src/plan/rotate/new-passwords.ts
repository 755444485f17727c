import {
  issueOf,
  issueStep,
  type NewCertificates,
  type Placing,
  type Reissue,
  verifyStep,
} from '../certificates/reissue.ts';
import { passwordEntries, serverFiles } from '../certificates/server-certificate.ts';
import type { ClusterObservation, NodeObservation } from '../facts.ts';
import { type Finding, keystoreFindings } from '../node/agent-findings.ts';
import { changeOf, type WantedNode } from '../node/node-change.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { serverSecrets } from '../node/secret-names.ts';
import { lastVersion } from '../node/secret-versions.ts';
import { rollOrder } from '../order.ts';
import type { AnyStep, Stage } from '../steps.ts';
import type { RotateFacts } from './facts.ts';

/** Elasticsearch reads passwords at its start alone, so each node is restarted: once, however many of its ports have certificates. */
export const newPasswordStages: readonly Stage[] = [
  { id: 'issue', title: 'Issue certificates', mode: 'parallel' },
  { id: 'first-roll', title: 'Place the first, and restart its node', mode: 'roll' },
  { id: 'first', title: 'Prove the first', mode: 'serial' },
  { id: 'roll', title: 'Place the others, and restart their nodes', mode: 'roll' },
  { id: 'verify', title: 'Prove that they are served and trusted', mode: 'parallel' },
];

/** What forbids new passwords, beside what forbids new certificates. */
export const newPasswordFindings = (rotations: readonly Reissue[]): Finding[] => {
  const clusters = [...new Set(rotations.map(({ record }) => record.cluster))];
  const several: Finding[] =
    clusters.length > 1
      ? [
          [
            'bad-input',
            `--new-password restarts nodes, of one cluster at a time: give --cluster NAME, of ${clusters.join(', ')}.`,
          ],
        ]
      : [];
  return [
    ...several,
    ...rotations.flatMap(({ record, node }): Finding[] => {
      const where = `node ${record.node} (cluster ${record.cluster})`;
      if (record.key !== undefined)
        return [
          [
            'bad-input',
            `${record.path} of ${where} is a PEM file and has no password: \`remora certs rotate\` without --new-password replaces it.`,
          ],
        ];
      return node ? keystoreFindings(node, record.cluster) : [];
    }),
  ];
};

type Part = Pick<Placing, 'record' | 'issue'>;

/** A node with all of its certificates that are replaced. */
interface Restarted {
  readonly node: NodeObservation;
  readonly cluster: ClusterObservation;
  readonly parts: readonly Part[];
}

const partsOf = (rotations: readonly Reissue[], facts: RotateFacts, wish: NewCertificates): Restarted[] => {
  const cluster = rotations.find((one) => one.cluster)?.cluster;
  if (!cluster) return [];
  return rollOrder(cluster.nodes)
    .map((node) => ({
      ...{ node, cluster },
      parts: rotations
        .filter(({ record }) => record.node === node.name)
        .map(({ record }): Part => {
          const { password } = serverSecrets(record);
          const passwordSecret = `secret:${password}@${lastVersion(facts.secretVersions, password) + 1}`;
          return { record, issue: { ...issueOf(record, facts.secretVersions, wish), passwordSecret } };
        }),
    }))
    .filter(({ parts }) => parts.length > 0);
};

/**
 * The files keep their names. Until the node has stopped Elasticsearch may try the new one with the old password: it goes on with what it has then, and says so in its
 * log.
 */
const wantedOf = ({ node, cluster, parts }: Restarted, facts: RotateFacts): WantedNode => ({
  files: parts.flatMap(({ issue }) => serverFiles(issue)),
  settings: {},
  keystore: Object.assign({}, ...parts.map(({ issue }) => passwordEntries(node, issue))),
  keystorePassword: keystorePasswordReference(facts, cluster.name, node.name),
});

/** The steps that replace certificates together with the passwords of their files, ordered by stage: one node is restarted and proven first. */
export const newPasswordSteps = (
  rotations: readonly Reissue[],
  facts: RotateFacts,
  wish: NewCertificates,
): AnyStep[] => {
  const steps = partsOf(rotations, facts, wish).flatMap((one, index): AnyStep[] => {
    const { node, cluster, parts } = one;
    const isFirst = index === 0;
    const change = node.agent.state === 'online' ? changeOf(node, node.agent.facts, wantedOf(one, facts)) : null;
    const stage = isFirst ? 'first-roll' : 'roll';
    return [
      ...parts.map((part) => issueStep(part, wish)),
      ...(change
        ? [nodeStep({ cluster, node, change, effect: 'restart', stages: { roll: stage, files: stage } })]
        : []),
      ...parts.map((part) => verifyStep({ ...part, cluster, node, isFirst }, index, facts.trust)),
    ];
  });
  const order = new Map(newPasswordStages.map(({ id }, index) => [id, index]));
  return steps.sort((a, b) => (order.get(a.stage) ?? 0) - (order.get(b.stage) ?? 0));
};
