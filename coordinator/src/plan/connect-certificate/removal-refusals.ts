import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import { agentFindings, type Finding, nodesAbsent, settingsFileUneditable } from '../node/agent-findings.ts';
import type { TransportFacts } from './facts.ts';
import { keylessAliases } from './hand-made.ts';
import { leftWithoutTrust, type TrustLoss, trustRemovalSteps } from './removal.ts';
import { BUNDLE } from './trust.ts';

/** How the trust is left where it is. */
interface Otherwise {
  /** As an order: `give --keep-trust`. */
  readonly keep: string;
  /** Alias of the local cluster of which it is known that it lives on the trust no more. */
  readonly except?: { readonly local: string; readonly alias: string };
}

/** A node that cannot be looked at may have what is to go: it would keep it, and nothing would know of it any more. */
const nodeFindings = ({ cluster }: TransportFacts): Finding[] => {
  const absent = nodesAbsent(cluster);
  return [
    ...(absent === null ? [] : [['preflight-failed', absent] as const]),
    ...cluster.nodes.flatMap((node): Finding[] => {
      const uneditable = settingsFileUneditable(node, cluster);
      return [
        ...agentFindings(node, cluster),
        ...(uneditable === null ? [] : [['settings-file', uneditable] as const]),
      ];
    }),
  ];
};

/** Which CAs a cluster lives on itself is only known where all its ports were seen. */
const anchorFindings = ({ cluster, anchors }: TransportFacts, keep: string): Finding[] =>
  cluster.nodes.flatMap(({ name }): Finding[] => {
    const anchor = anchors.get(name) ?? 'it was not looked at';
    return typeof anchor === 'string'
      ? [
          [
            'preflight-failed',
            `By which CA the nodes of cluster ${cluster.name} trust what node ${name} serves on its transport port is not known, so that none can be taken off: ${anchor}. Mend that, or ${keep}.`,
          ],
        ]
      : [];
  });

/** Whoever connects by certificate from one of the clusters may live on the CAs that would go. */
const keylessFindings = (
  { cluster }: TransportFacts,
  connections: readonly AnyConnectionRecord[],
  { keep, except }: Otherwise,
): Finding[] =>
  keylessAliases(cluster, connections)
    .filter((alias) => cluster.name !== except?.local || alias !== except.alias)
    .map((alias) => [
      'conflict',
      `Cluster ${cluster.name} has the alias ${alias}, which Remora does not manage and which connects without an API key, so that it may live on ${BUNDLE}: ${keep}, or remove that alias first.`,
    ]);

/** What forbids to take other clusters' CAs off the nodes of a cluster; nothing where none of them goes. */
export const removalFindings = (
  loss: TrustLoss,
  connections: readonly AnyConnectionRecord[],
  otherwise: Otherwise,
): Finding[] => {
  const { facts, drops, needed } = loss;
  if (drops.every((one) => needed.includes(one))) return [];
  const nodes = nodeFindings(facts);
  if (nodes.length > 0) return nodes;
  if (trustRemovalSteps(loss, { roll: '', files: '' }).length === 0) return [];
  return [
    ...anchorFindings(facts, otherwise.keep),
    ...keylessFindings(facts, connections, otherwise),
    ...leftWithoutTrust(loss).map(
      (node): Finding => [
        'conflict',
        `elasticsearch.yml of node ${node} (cluster ${facts.cluster.name}) names ${BUNDLE} alone for its transport port, which somebody changed since: name the CA of the cluster there first.`,
      ],
    ),
  ];
};
