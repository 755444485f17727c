import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import type { HandOutRequest, KeyCreateRequest } from '@remora/shared/model/requests/key-create-request.ts';
import { formatAddress } from '@remora/shared/model/values/address.ts';
import type { ClusterObservation } from '../facts.ts';
import type { DeploymentSeen } from './facts.ts';
import { deploymentLock } from './local-side.ts';

/** Where Elastic Cloud takes connections by API key for every deployment. */
const PORT = 9443;

/** Where others reach a deployment as their remote cluster: as they say where they do, else by the name of its endpoint. Null where that is not known yet. */
export const deploymentAddress = (
  { mode, proxyAddress, serverName }: Pick<HandOutRequest, 'mode' | 'proxyAddress' | 'serverName'>,
  host: string | null,
): { readonly proxyAddress: string; readonly serverName: string | null } | null => {
  if (mode === 'proxy' && proxyAddress !== undefined) return { proxyAddress, serverName: serverName ?? null };
  return host === null ? null : { proxyAddress: formatAddress({ host, port: PORT }), serverName: host };
};

/** What people do where a deployment has no endpoint by which others could reach it. */
export const noEndpoint = (name: string): string =>
  `Deployment ${name} has no Elasticsearch endpoint yet, by which others could reach it: wait until Elastic Cloud has made it (\`remora clouds show\`), or give --mode proxy --proxy-address HOST:PORT.`;

/** What forbids to make a key of a deployment for others: sentences. Of its nodes nothing is asked. */
export const keySentences = (wish: KeyCreateRequest, { deployment }: ClusterObservation): string[] =>
  deployment !== undefined && deploymentAddress(wish, deployment.host) === null ? [noEndpoint(deployment.name)] : [];

const flagsOf = ({ search = [], replication = [], expires }: ConnectRequest): string =>
  [
    ...search.map((pattern) => `--search '${pattern}'`),
    ...replication.map((pattern) => `--replication '${pattern}'`),
    ...(search.length + replication.length === 0 ? ['--access FILE'] : []),
    ...(expires === undefined ? [] : [`--expires ${expires}`]),
  ].join(' ');

/** The commands that make a connection to a deployment, in the place of one `connect`. */
export const commandsTo = (
  request: ConnectRequest,
  seen: DeploymentSeen,
  local: DeploymentSeen | undefined,
): string => {
  const { local: name, remote, alias } = request;
  const create = `\`remora api-keys create ${remote} --for ${name} ${flagsOf(request)} --out BUNDLE\``;
  const then =
    local === undefined
      ? `\`remora connect ${name} --alias ${alias} --remote-key-file BUNDLE\``
      : `\`remora clouds key ${local.cloud} ${local.id} ${alias} --secret NAME\` with the encoded key of that file (\`remora secrets set\`)`;
  return `Cluster ${remote} is a deployment of Elastic Cloud (${deploymentLock(seen)}), which is connected to in two steps: make a key of it with ${create}, then give ${then}.`;
};
