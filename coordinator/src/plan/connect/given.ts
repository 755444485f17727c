import { parseAddress } from '@remora/shared/model/address.ts';
import type { CertificateFacts } from '@remora/shared/model/certificate.ts';
import type { ConnectRequest } from '@remora/shared/model/connect-request.ts';
import type { ConnectFacts, NodeObservation } from '../facts.ts';
import {
  choiceFindings,
  type GivenChoice,
  givenCertificate,
  missingFinding,
  type ServerUse,
  type Signed,
  serverMisfit,
} from '../given.ts';
import type { Check, PreflightInput } from './preflight-check.ts';
import type { ServerWish } from './wanted.ts';

/** Which certificates that were signed elsewhere the remote nodes are to get; null where a CA of the inventory makes them. */
const choiceOf = ({ remote, ca, given }: ConnectRequest): GivenChoice | null =>
  given === undefined || ca === undefined
    ? null
    : { cluster: remote, purpose: 'remote_cluster_server', ca, ids: given };

/** The one that a node is to get; undefined where none was given for it. */
export const givenFor = (
  node: Pick<NodeObservation, 'name'>,
  request: ConnectRequest,
  facts: Pick<ConnectFacts, 'signed'>,
): Signed | undefined => {
  const choice = choiceOf(request);
  return choice === null ? undefined : givenCertificate(node, choice, facts);
};

const serverUse = ({ mode, proxyAddress, serverName }: ConnectRequest): ServerUse => ({
  isDirect: mode === 'sniff',
  proxies: proxyAddress === undefined ? [] : [{ address: parseAddress(proxyAddress), serverName: serverName ?? null }],
});

/** The certificate that was made elsewhere and that a node will serve; undefined of one that has another. */
const servedGiven = ({ node }: ServerWish, { request, facts }: PreflightInput): CertificateFacts | undefined => {
  const given = givenFor(node, request, facts);
  const known = facts.certificates.find((record) => record.node === node.name);
  return given?.signed.facts ?? (known?.given === undefined ? undefined : known.facts);
};

export const givenCertificates: Check = {
  code: 'bad-input',
  demands:
    'certificates that were made elsewhere are there for every remote node without one, have not ended, and cover the names by which local nodes ask for them',
  run: (input) => {
    const { request, facts, servers, now } = input;
    const choice = choiceOf(request);
    const nodes = servers.map(({ node }) => node);
    const lacking = nodes.filter(
      (node) => !facts.certificates.some((record) => record.node === node.name) && !givenFor(node, request, facts),
    );
    const missing = choice === null ? [] : lacking.map((node) => missingFinding(node, choice));
    const misfits = servers.flatMap((server) => {
      const certificate = servedGiven(server, input);
      const published = [...new Set([server.host, ...server.listening])];
      const why = certificate && serverMisfit(certificate, published, serverUse(request), now);
      return why == null
        ? []
        : [
            `The certificate for the remote cluster server of node ${server.node.name} (cluster ${request.remote}) was made elsewhere, and does not do: ${why}. Give another one with --files or --accepted.`,
          ];
    });
    const wrong = choice === null ? [] : choiceFindings(nodes, choice, facts);
    return [...[...wrong, ...missing].map(([, message]) => message), ...misfits];
  },
};
