import { agentFindings, type Finding, nodesAbsent } from '../node/agent-findings.ts';
import { reloadFindings } from '../node/reload-interval.ts';
import { elsewhereFindings, placeFindings } from '../signing/replaced-signer.ts';
import { strangeCas } from '../signing/signing-wish.ts';
import type { Concerned } from './concerned.ts';
import type { CaRotationFacts } from './facts.ts';
import { dueSigners, signersOf } from './signing.ts';

const remoteFindings = ({ signing }: Concerned, { clusters, cas }: CaRotationFacts): Finding[] =>
  clusters
    .filter(({ name }) => signing.remotes.includes(name))
    .flatMap((cluster): Finding[] => {
      const absent = nodesAbsent(cluster);
      return [
        ...(absent === null ? [] : [['preflight-failed', absent] as const]),
        ...cluster.nodes.flatMap((node) => [...agentFindings(node, cluster), ...reloadFindings(node, cluster)]),
        ...strangeCas(cluster, cas).map(
          (found): Finding => [
            'conflict',
            `${found}, which Remora does not know and which would go: import it, without its key, with \`remora ca import\`, then it stays.`,
          ],
        ),
      ];
    });

/** What does not work before cannot be proven to sign by another CA. */
const brokenFindings = ({ signing }: Concerned, { problems }: CaRotationFacts): Finding[] =>
  signing.connections.flatMap(({ local, remote, alias }): Finding[] => {
    const problem = problems.get(`${local}/${alias}`);
    return problem === null
      ? []
      : [
          [
            'preflight-failed',
            `The connection ${local}/${alias} is signed by this CA and ${problem === undefined ? 'is not registered' : `does not work now (${problem})`}, so that it could not be proven with another one: \`remora connect ${local} ${remote} --alias ${alias}\` with its values puts it right, \`remora disconnect ${local} ${alias}\` takes it off.`,
          ],
        ];
  });

/** What forbids to have requests signed by another CA. */
export const signingFindings = (concerned: Concerned, facts: CaRotationFacts): Finding[] => {
  const { next } = concerned;
  const signers = signersOf(concerned, facts);
  const due = dueSigners(concerned, facts);
  const lacksKey = next.record?.key === null && due.some(({ record }) => record.given === undefined);
  return [
    ...(lacksKey
      ? [
          [
            'bad-input',
            `CA ${next.name} cannot sign signing certificates: its key is not here. \`remora ca import ${next.name}\` with --key adds it.`,
          ] as const,
        ]
      : []),
    ...due.flatMap((one) => elsewhereFindings(one, next.record === null ? 'NAME' : next.name)),
    ...remoteFindings(concerned, facts),
    ...signers.flatMap((one) => [
      ...placeFindings(one, facts.unseen),
      ...(one.node && one.cluster ? reloadFindings(one.node, one.cluster) : []),
    ]),
    ...brokenFindings(concerned, facts),
  ];
};
