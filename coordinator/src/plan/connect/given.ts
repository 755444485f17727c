import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import {
  choiceFindings,
  type GivenChoice,
  givenCertificate,
  missingFinding,
  type ServerUse,
  type Signed,
  seedProblems,
  serverMisfit,
  serverUse,
} from '../certificates/given.ts';
import type { ConnectFacts, NodeObservation } from '../facts.ts';
import { caNameOf, comingCa, signingCa } from '../trust/ca-names.ts';
import { isMeant } from './key/limit.ts';
import type { Check, PreflightInput } from './preflight/preflight-check.ts';
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

/** This connection, and the others to the same cluster. */
const useOf = ({ mode, proxyAddress, serverName = '' }: ConnectRequest, { others }: ConnectFacts): ServerUse => {
  const own = proxyAddress && {
    address: parseAddress(proxyAddress),
    serverName: serverName === '' ? null : serverName,
  };
  return serverUse([...others.connections, { mode }], [...others.proxies, ...(own ? [own] : [])]);
};

/** The certificate that was made elsewhere and that a node will serve; undefined of one that has another. */
const servedGiven = ({ node }: ServerWish, { request, facts }: PreflightInput): CertificateFacts | undefined => {
  const given = givenFor(node, request, facts);
  const known = facts.certificates.find((record) => record.node === node.name);
  return given?.signed.facts ?? (known?.given === undefined ? undefined : known.facts);
};

/** What does not do of the certificates that will be served. */
const misfits = (input: PreflightInput, servers: readonly ServerWish[]): string[] =>
  servers.flatMap((server) => {
    const { request, facts, now } = input;
    const certificate = servedGiven(server, input);
    const why = certificate && serverMisfit(certificate, server.dialled, useOf(request, facts), now);
    return why == null
      ? []
      : [
          `The certificate for the remote cluster server of node ${server.node.name} (cluster ${request.remote}) was made elsewhere, and does not do: ${why}. Give another one with --files or --accepted.`,
        ];
  });

/** Where certificates are made here they cover the seeds. */
const seedFindings = (input: PreflightInput): string[] => {
  const { request, facts, servers } = input;
  const certificates = servers.flatMap((server) => servedGiven(server, input) ?? []);
  const own = (request.seeds ?? []).map((seed) => parseAddress(seed).host);
  return certificates.length < servers.length
    ? []
    : seedProblems(request.remote, [...(own.length > 0 ? [own] : []), ...facts.others.seeds], certificates);
};

/** The place of a CA may be being taken: then it is that rotation which knows what is trusted. */
const comingFindings = ({ request, facts }: PreflightInput, servers: readonly ServerWish[]): string[] => {
  const ca = caNameOf(facts, request);
  const other = servers.find(({ node }) => {
    const own = facts.certificates.find((record) => record.node === node.name)?.ca;
    const isGoing = comingCa(facts.cas, ca) === request.ca || comingCa(facts.cas, request.ca ?? '') === ca;
    return isGoing && givenFor(node, request, facts) !== undefined && signingCa(facts, ca, own) !== request.ca;
  });
  return other === undefined
    ? []
    : [
        `Node ${other.node.name} (cluster ${request.remote}) cannot get a certificate of CA ${request.ca} now: one of CA ${ca} and CA ${request.ca} takes the place of the other, and not everybody is proven to trust it. \`remora ca rotate\` goes on with that, and takes --files too.`,
      ];
};

/** Wishes that certificates which were made elsewhere do not follow. */
const unheard = ({ request, facts, servers }: PreflightInput): string[] => {
  const flag =
    request.certValidity !== undefined ? '--cert-validity' : request.sans !== undefined ? '--san' : undefined;
  const given = servers
    .map(({ node }) => facts.certificates.find((record) => record.node === node.name))
    .find((record) => record?.given !== undefined);
  return flag === undefined || given === undefined
    ? []
    : [
        `The certificate of node ${given.node} (cluster ${request.remote}) was made elsewhere, and ${flag} does not change it: leave the flag out, or give another certificate with --files.`,
      ];
};

export const givenCertificates: Check = {
  code: 'bad-input',
  demands:
    'certificates that were made elsewhere are there for every remote node without one, have not ended, and cover the names by which all that connect ask for them',
  run: (input) => {
    const { request, facts, servers } = input;
    const choice = choiceOf(request);
    const nodes = servers.map(({ node }) => node);
    const meant = servers.filter(({ node }) => isMeant(request, { cluster: request.remote, node: node.name }));
    const lacking = meant.filter(
      ({ node }) => !facts.certificates.some((record) => record.node === node.name) && !givenFor(node, request, facts),
    );
    const wrong = choice === null ? [] : choiceFindings(nodes, choice, facts);
    const missing = choice === null ? [] : lacking.map(({ node }) => missingFinding(node, choice, '--limit'));
    return [
      ...[...wrong, ...missing].map(([, message]) => message),
      ...facts.others.unknownProxies,
      ...comingFindings(input, meant),
      ...misfits(input, meant),
      ...seedFindings(input),
      ...unheard(input),
    ];
  },
};
