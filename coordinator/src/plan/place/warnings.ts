import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { isIp } from '@remora/shared/model/values/address.ts';
import { fileSetting, itemsOf } from '../node/nodes.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { AnyStep } from '../steps.ts';
import type { PlaceFacts } from './facts.ts';
import { serverWarnings } from './servers.ts';

/** Seed hosts by name that no new certificate covers, where nodes hold each other to the name by which they dial. */
const seedWarnings = (steps: readonly AnyStep[], { cluster }: PlaceFacts): string[] => {
  const strict = cluster.nodes.filter(
    (node) => (fileSetting(node, `${sslPrefix.transport}.verification_mode`) ?? 'full') === 'full',
  );
  const covered = new Set(
    steps.flatMap((step) => (step.kind === 'certificate.verify' ? [...step.input.dns, ...step.input.ip] : [])),
  );
  const seeds = strict
    .flatMap(({ settings }) => itemsOf(settings['discovery.seed_hosts']))
    .map((seed) => seed.replace(/:\d+$/, '').toLowerCase())
    .filter((host) => !isIp(host.replace(/^\[|\]$/g, '')) && !covered.has(host));
  return [...new Set(seeds)].map(
    (host) =>
      `discovery.seed_hosts names ${host}, which no new certificate covers, and nodes with verification_mode full hold each other to it: add it with --san ${host}.`,
  );
};

const transportWarnings = (steps: readonly AnyStep[], request: PlaceRequest, facts: PlaceFacts): string[] => [
  `Clusters that connect to the transport ports of ${request.cluster} by certificates (the older model of remote clusters), and whose connections Remora does not manage, must trust CA ${request.ca} too, and so must those that ${request.cluster} connects to in that way: which there are cannot be seen from here.`,
  ...facts.deploymentTrusts.map(
    ({ cloud, deployment }) =>
      `Deployment ${cloud}/${deployment} of Elastic Cloud, which ${request.cluster} trusts, must trust CA ${request.ca} before: \`remora clouds trust ${cloud} ${deployment} NAME --ca ${request.ca}\` under a name of its own.`,
  ),
  ...seedWarnings(steps, facts),
];

const httpWarnings = ({ cluster, ca }: PlaceRequest, { cluster: { nodes } }: PlaceFacts): string[] => {
  const enrolling = nodes.filter((node) => fileSetting(node, `${sslPrefix.http}.keystore.path`) === 'certs/http.p12');
  return [
    `Kibana, Beats, Logstash, applications and all other clients of cluster ${cluster} must trust CA ${ca} before their node is restarted, or they are cut off from it: \`remora ca export ${ca}\` gives them its certificate.`,
    ...(enrolling.length > 0
      ? [
          `Elasticsearch's own certs/http.p12 holds the key of its CA, by which enrolment tokens for new nodes and Kibana are made: \`elasticsearch-create-enrollment-token\` does not work on a node that serves another file.`,
        ]
      : []),
  ];
};

/** What nobody can see from here; of a node's own cluster and its clients where another CA comes than the one before. */
export const warningsOf = (steps: readonly AnyStep[], request: PlaceRequest, facts: PlaceFacts): string[] => {
  if (request.purpose === 'remote_cluster_server') return steps.length === 0 ? [] : serverWarnings(request, facts);
  const isOther = steps.some(
    (step) =>
      step.kind === 'certificate.issue' &&
      facts.certificates.find(({ node }) => node === step.input.node)?.ca !== request.ca,
  );
  if (!isOther) return [];
  return request.purpose === 'transport' ? transportWarnings(steps, request, facts) : httpWarnings(request, facts);
};
