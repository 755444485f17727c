import { isSigned } from '@remora/shared/model/requests/connect-request.ts';
import { placeOf, standingSettings } from '../../connection/alias-place.ts';
import { mayBeSigning } from '../../signing/signing-wish.ts';
import type { Check } from './preflight-check.ts';

/** Lines on a node that does not connect would do nothing. */
export const staticNodesConnect: Check = {
  code: 'bad-input',
  demands: 'nodes that --static-nodes names are in the local cluster, and have the role remote_cluster_client',
  run: ({ facts: { local }, request }) => {
    const place = placeOf(request);
    const named = place.kind === 'cluster' || place.nodes === 'all' ? [] : place.nodes;
    return named.flatMap((name) => {
      const node = local.nodes.find((one) => one.name === name);
      if (node === undefined)
        return [
          `--static-nodes: cluster ${local.name} has no node "${name}". There are ${local.nodes
            .map((one) => one.name)
            .sort()
            .join(', ')}.`,
        ];
      return node.roles.includes('remote_cluster_client')
        ? []
        : [
            `--static-nodes: node ${name} of cluster ${local.name} has not the role remote_cluster_client, so it connects to no remote cluster: leave it out, or add the role to its node.roles.`,
          ];
    });
  },
};

/** What stands in the cluster's settings comes first, and it is somebody else's. */
export const staticSettingsCount: Check = {
  code: 'conflict',
  demands:
    'where the alias is to stand in elasticsearch.yml, nobody else has put settings of it into the settings of the cluster, which win',
  run: ({ facts: { local, connections }, request }) => {
    const standing = connections.find((one) => one.local === request.local && one.alias === request.alias);
    if (placeOf(request).kind === 'cluster' || standing === undefined) return [];
    const others = Object.keys(standingSettings(local, request.alias)).filter(
      (name) => !standing.settings.includes(name),
    );
    return others.length === 0
      ? []
      : [
          `Cluster ${local.name} has ${others
            .map((name) => `cluster.remote.${request.alias}.${name}`)
            .sort()
            .join(
              ', ',
            )} in its settings, which Remora did not write and which would win over elasticsearch.yml: take ${others.length > 1 ? 'them' : 'it'} out first (null), and give --set where the nodes shall have the same.`,
        ];
  },
};

/** Which file a node signs with stands in the settings of the whole cluster. */
export const staticUnsigned: Check = {
  code: 'conflict',
  demands: 'requests over an alias that is to stand in elasticsearch.yml are not signed',
  run: ({ facts, request }) => {
    const { alias, local } = request;
    const standing = facts.connections.find((one) => one.local === local && one.alias === alias);
    if (isSigned(request) && standing !== undefined && placeOf(standing).kind === 'files')
      return [
        `The alias ${alias} of cluster ${local} stands in elasticsearch.yml, and with what nodes sign stands in the settings of the cluster: bring the alias there first, with the same command without --certificate-identity and --signing-… flags.`,
      ];
    return placeOf(request).kind === 'files' && mayBeSigning(facts, request)
      ? [
          `Requests over ${request.alias} of cluster ${request.local} are signed, and with what stands in the settings of the whole cluster: have nothing signed first, with the same command without --static, --certificate-identity and --signing-… flags.`,
        ]
      : [];
  },
};
