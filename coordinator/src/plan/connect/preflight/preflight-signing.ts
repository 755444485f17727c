import { isSubject } from '@remora/shared/model/certificates/distinguished-name.ts';
import { isSigned } from '@remora/shared/model/requests/connect-request.ts';
import { isAtLeast } from '@remora/shared/model/values/version.ts';
import type { Signing } from '../../connection/connection-records.ts';
import type { ClusterObservation, NodeObservation } from '../../facts.ts';
import { files } from '../../node/placed-files.ts';
import { givenSigner, givenSignerFindings } from '../../signing/given-signers.ts';
import { isCurrentSigner } from '../../signing/signing-certificates.ts';
import { otherSigner, passwordEntry } from '../../signing/signing-names.ts';
import { mayBeSigning, signingWish, standingSigners, strangeCas, theirCas } from '../../signing/signing-wish.ts';
import { lostCa } from '../../trust/ca-names.ts';
import { standingKey } from '../key/key.ts';
import { isSigning } from '../signing/signing-draft.ts';
import type { Check, PreflightInput } from './preflight-check.ts';

const MINIMUM_VERSION = '9.3.0';

const versionFindings = ({ facts: { local, remote } }: PreflightInput): string[] =>
  [local, remote].flatMap(({ name, nodes }) => {
    const old = nodes.find(({ version }) => !isAtLeast(version, MINIMUM_VERSION));
    return old === undefined
      ? []
      : [
          `Cluster ${name} is ${old.version}: signed requests (--certificate-identity) need 9.3 or later on both sides. Upgrade it first, or leave the flag out.`,
        ];
  });

/** All nodes change in one run: the key demands either subject only as long as that lasts. */
const changeFindings = ({ request, facts }: PreflightInput): string[] => {
  const wish = signingWish(request, facts);
  if (typeof wish === 'string') return [wish];
  if (wish === null) return [];
  const lost = lostCa(wish.ca, facts).map((message) => `--signing-ca: ${message}`);
  if (lost.length > 0 || request.nodes === undefined) return lost;
  const other = standingSigners(facts, request).find(({ ca, subject }) => ca !== wish.ca || subject !== wish.subject);
  return other === undefined
    ? []
    : [
        `The nodes of cluster ${request.local} sign for ${request.alias} with certificates ${other.subject} of CA ${other.ca}, and become ${wish.subject} of CA ${wish.ca} all together: leave out --limit.`,
      ];
};

const settingIn = (nodes: readonly NodeObservation[], prefix: string): readonly [string, string] | undefined =>
  nodes
    .flatMap(({ name, agent }) =>
      agent.state === 'online'
        ? Object.keys(agent.facts.settingsFile.values).map((setting): [string, string] => [name, setting])
        : [],
    )
    .find(([, setting]) => setting.startsWith(prefix));

const inFile = ({ name, nodes }: ClusterObservation, prefix: string): string[] => {
  const found = settingIn(nodes, prefix);
  return found === undefined
    ? []
    : [
        `elasticsearch.yml of node ${found[0]} (cluster ${name}) has ${found[1]}, which Remora did not write: take it out and restart the node. What stands there is read at its start alone, and files that it names must not be changed after that.`,
      ];
};

/** Elasticsearch shows these settings to nobody, so this is what can be known of what somebody else did. */
const foreignFindings = ({ request, facts }: PreflightInput): string[] => {
  const { local, remote } = facts;
  const key = standingKey(facts, request);
  const isOurs = mayBeSigning(facts, request);
  // Nothing is written over where all is in place, and who is in the file stays there.
  const isKept = isSigning(facts, request) || theirCas(remote, facts.cas).length > 0;
  const entry = passwordEntry(request.alias);
  const holder = local.nodes.find(
    ({ agent }) =>
      agent.state === 'online' &&
      agent.facts.keystore.entries?.some(({ name, reference }) => name === entry && reference === null),
  );
  const [stranger] = strangeCas(remote, facts.cas);
  return [
    ...inFile(local, `cluster.remote.${request.alias}.signing.`),
    ...inFile(remote, 'cluster.remote.signing.'),
    ...(holder && !isOurs
      ? [
          `The keystore of node ${holder.name} (cluster ${local.name}) has ${entry} with a value that Remora did not write: take it out first with \`elasticsearch-keystore remove ${entry}\`.`,
        ]
      : []),
    ...(!isOurs && key?.certificateIdentity !== undefined
      ? [
          `The key of this connection demands ${key.certificateIdentity} already, and not by Remora: somebody has requests signed. Take that back first (certificate_identity: null of API key ${key.record.id}, then null for cluster.remote.${request.alias}.signing.*).`,
        ]
      : []),
    ...(!isKept && facts.foreignIdentities.length > 0
      ? [
          `Cluster ${remote.name} has API keys that demand a signature and that Remora did not make (${facts.foreignIdentities.join(', ')}): whoever set that up also set cluster.remote.signing.*, which Elasticsearch shows to nobody and which would be written over. Have these connections made by Remora too, or end these keys first; or write the CA of their certificates into ${files.signingCas} on every node of ${remote.name} and import it, without its key, with \`remora ca import\`: then it stays there.`,
        ]
      : []),
    ...(stranger
      ? [
          `${stranger}, which Remora does not know and which would go: import it, without its key, with \`remora ca import\`, then it stays.`,
        ]
      : []),
  ];
};

/** The first local node for which a certificate has to be made; none where they are given, each of which is looked at. */
const lacking = ({ request, facts, now }: PreflightInput, wish: Signing): string | undefined => {
  const standing = standingSigners(facts, request);
  const hasOne = ({ name }: NodeObservation): boolean =>
    standing.some((record) => record.node === name && isCurrentSigner(record, wish, facts.cas, now));
  return request.signingGiven === undefined ? facts.local.nodes.find((node) => !hasOne(node))?.name : undefined;
};

/** Of a certificate that was made elsewhere the subject may be one that Remora cannot write in the same way. */
const subjectFindings = (input: PreflightInput): string[] => {
  const { request, facts } = input;
  const wish = signingWish(request, facts);
  if (wish === null || typeof wish === 'string' || isSubject(wish.subject)) return [];
  const bare = lacking(input, wish);
  return bare === undefined
    ? []
    : [
        `The certificates with which nodes sign for ${request.alias} were made elsewhere, with the subject ${wish.subject}, which Remora does not write: give one for node ${bare} with --signing-files, or have others made with --signing-subject.`,
      ];
};

/** Those that stay since no others were given. */
const endedFindings = ({ request, facts, now }: PreflightInput): string[] => {
  const wish = signingWish(request, facts);
  if (wish === null || typeof wish === 'string') return [];
  return standingSigners(facts, request)
    .filter((one) => one.given !== undefined && one.facts.notAfter <= now)
    .filter((one) => isCurrentSigner(one, wish, facts.cas, now))
    .filter(({ node }) => givenSigner({ name: node }, request, facts) === undefined)
    .map(
      (one) =>
        `The certificate with which node ${one.node} (cluster ${one.cluster}) signs for ${one.alias} was made elsewhere and ended at ${one.facts.notAfter}: ${otherSigner(one)}.`,
    );
};

const caFindings = (input: PreflightInput): string[] => {
  const { request, facts, now } = input;
  const wish = signingWish(request, facts);
  if (wish === null || typeof wish === 'string') return [];
  const ca = facts.cas.find(({ name }) => name === wish.ca);
  if (ca === undefined) return [];
  const bare = lacking(input, wish);
  if (ca.key === null && bare !== undefined)
    return [
      `The key of CA ${ca.name} is not here, so it cannot sign a signing certificate for node ${bare}: give those that it signed elsewhere with --signing-files or --signing-accepted, or choose another with --signing-ca.`,
    ];
  if (ca.retiredAt !== undefined)
    return [`CA ${ca.name} is retired, and ${ca.successor} took its place: give --signing-ca ${ca.successor}.`];
  return ca.facts.notAfter <= now
    ? [
        `CA ${ca.name} ended at ${ca.facts.notAfter}: nobody would take a signature of it. Choose another with --signing-ca.`,
      ]
    : [];
};

export const signingWorks: Check = {
  code: 'preflight-failed',
  demands: 'where requests are to be signed, every node on both sides is 9.3 or later, and the CA can sign',
  run: (input) => (isSigned(input.request) ? [...versionFindings(input), ...caFindings(input)] : []),
};

export const signingFits: Check = {
  code: 'bad-input',
  demands:
    'a subject is known that `--certificate-identity` matches, certificates that are in use become ones of another subject or CA on all nodes, and those that were made elsewhere are there for every local node, with one subject',
  run: (input) => [
    ...changeFindings(input),
    ...subjectFindings(input),
    ...endedFindings(input),
    ...givenSignerFindings(input.request, input.facts, input.now),
  ],
};

/** Only its owner may change a key. */
const ownerFindings = ({ request, facts }: PreflightInput): string[] => {
  const key = standingKey(facts, request);
  const wish = signingWish(request, facts);
  if (key?.otherOwner === undefined || typeof wish === 'string') return [];
  return key.certificateIdentity === wish?.identity
    ? []
    : [
        `API key ${key.record.name} belongs to user ${key.otherOwner}, who alone may change what it demands of a signature: have another one take its place first, with \`remora api-keys rotate ${request.local} ${request.alias}\`.`,
      ];
};

export const signingOurs: Check = {
  code: 'conflict',
  demands:
    'where requests are to be signed, nobody else set that up: neither in elasticsearch.yml nor in the keystore, nor for keys that Remora did not make',
  run: (input) => {
    const { request, facts } = input;
    const isTouched = isSigned(request) || mayBeSigning(facts, request);
    return [...(isSigned(request) ? foreignFindings(input) : []), ...(isTouched ? ownerFindings(input) : [])];
  },
};
