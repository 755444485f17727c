import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { type SettingValue, strongestEffect } from '@remora/shared/settings.ts';
import { certificateDiff, givenDiff } from '../certificates/certificate-diff.ts';
import type { CertificateIssue, CertificateWish } from '../certificates/certificate-issue.ts';
import { isMostlyOver, wishedLifeMs } from '../certificates/certificate-life.ts';
import { givenWish, type Signed } from '../certificates/given.ts';
import { passphraseOf } from '../certificates/reissue.ts';
import { newFileSecrets, passwordEntries, serverFiles } from '../certificates/server-certificate.ts';
import { connectionDiff } from '../connection/connection-diff.ts';
import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { changeOf } from '../node/node-change.ts';
import { keystorePasswordReference, type NodeStepParts, nodeStep } from '../node/node-step.ts';
import { fileSetting } from '../node/nodes.ts';
import { files } from '../node/placed-files.ts';
import { serverSecrets } from '../node/secret-names.ts';
import { madeOnce } from '../node/secret-versions.ts';
import { rollOrder } from '../order.ts';
import type { CertificateRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { caKeySecret, ownCa, signingCa } from '../trust/ca-names.ts';
import { trustingClients } from '../trust/port-proof.ts';
import type { TrustingNode } from '../trust/trusting-node.ts';
import type { ConnectDraft, ServerDraft } from './draft.ts';
import { givenFor } from './given.ts';
import { isLeft } from './left.ts';
import type { ServerWish } from './wanted.ts';

const PREFIX = 'xpack.security.remote_cluster_server.ssl';

/** What has to happen on the remote cluster so that it serves connections: a CA, a certificate a node, settings, and the roll. */
export const remoteSteps = (draft: ConnectDraft): AnyStep[] => [...recordStep(draft), ...serverSetUp(draft)];

/** The same without what is put on record of the connection. */
export const serverSetUp = (draft: ServerDraft): AnyStep[] => {
  const nodes = rollOrder(draft.servers.map((server) => ({ ...server.node, server })));
  return [...caSteps(draft), ...nodes.flatMap(({ server }) => serverSteps(draft, server))];
};

const whyRecorded = (standing: AnyConnectionRecord | undefined, diff: string): string => {
  if (standing === undefined) return 'the connection is new';
  return diff.includes('\n')
    ? 'the connection is wanted with other values'
    : 'what nodes have in elasticsearch.yml is noted before it is changed';
};

/** Filed first, so that everything that the run then makes is known to belong to a connection of ours. */
const recordStep = (draft: ConnectDraft): AnyStep[] => {
  const { facts, record } = draft;
  const standing = facts.connections.find((c) => c.local === record.local && c.alias === record.alias);
  if (standing && JSON.stringify(standing) === JSON.stringify(record)) return [];
  const diff = connectionDiff(standing, record);
  const reason = whyRecorded(standing, diff);
  return [
    {
      id: 'record-connection',
      kind: 'connection.record',
      target: 'coordinator',
      effect: 'none',
      reason,
      diff,
      stage: 'prepare',
      input: { connection: record },
    },
  ];
};

const caSteps = ({ facts, ca: server, signing }: ServerDraft): AnyStep[] =>
  [...new Set([server, ...(signing?.wish ? [signing.wish.ca] : [])])]
    .filter((ca) => !facts.cas.some(({ name }) => name === ca))
    .map((ca) => ({
      id: `create-ca-${ca}`,
      kind: 'ca.create',
      target: 'coordinator',
      effect: 'none',
      reason: `there is no CA "${ca}" yet`,
      diff: `+ CA ${ca} (RSA ${ownCa.keyBits}, ${ownCa.validityDays} days), key sealed as ${caKeySecret(ca)}`,
      stage: 'prepare',
      input: { ca, commonName: ca, validityDays: ownCa.validityDays },
    }));

const isCurrent = (record: CertificateRecord, wish: CertificateWish, now: string): boolean =>
  wishedLifeMs(record) === wish.validityMs &&
  !isMostlyOver(record, now) &&
  wish.required.every((name) => record.names.includes(name));

/** The same certificate with another chain is on record under another id. */
const isGiven = (record: CertificateRecord, { id, signed }: Signed): boolean =>
  record.facts.fingerprint256 === signed.facts.fingerprint256 && (record.given ?? id) === id;

/** Whether the certificate on record is the one that is wanted. One that was made elsewhere stays until another is given. */
const stays = (draft: ServerDraft, record: CertificateRecord, ca: string, wish: CertificateWish): boolean => {
  if (record.ca !== ca || !draft.facts.cas.some(({ name }) => name === ca)) return false;
  const given = givenFor({ name: record.node }, draft.request, draft.facts);
  if (given !== undefined) return isGiven(record, given);
  return record.given !== undefined || isCurrent(record, wish, draft.context.now);
};

/** The certificate that a node's remote cluster server shall serve, and whether it has yet to be made. */
const certificateOf = (
  draft: ServerDraft,
  { node, certificate }: ServerWish,
): { readonly issue: CertificateIssue; readonly isNew: boolean } => {
  const { facts, request } = draft;
  const cluster = facts.remote.name;
  const id = { cluster, node: node.name, purpose: 'remote_cluster_server' } as const;
  const known = facts.certificates.find((record) => record.node === node.name);
  const given = givenFor(node, request, facts);
  const wish: CertificateWish = {
    ...(given ? givenWish(node, given) : certificate),
    ...(!given && known && request.certValidity === undefined ? { validityMs: wishedLifeMs(known) } : {}),
  };
  const ca = signingCa(facts, draft.ca, known?.ca);
  const place = {
    ...{ ...id, ca, path: known?.path ?? files.serverKeystore },
    passwordSecret: known?.passwordSecret ?? madeOnce(facts.secretVersions, serverSecrets(id).password),
  };
  if (known && stays(draft, known, ca, wish)) {
    const { p12Secret, key } = known;
    return { issue: { ...place, ...wish, p12Secret, ...(key === undefined ? {} : { key }) }, isNew: false };
  }
  const pem = known?.key ? { key: known.key.path, passphraseSecret: passphraseOf(known, facts.secretVersions) } : null;
  return { issue: { ...place, ...wish, ...newFileSecrets(id, pem, facts.secretVersions) }, isNew: true };
};

const serverSteps = (draft: ServerDraft, server: ServerWish): AnyStep[] => {
  const { node } = server;
  if (node.agent.state !== 'online') return [];
  if (isLeft(node, draft)) return signingTrustStep(draft, node, node.agent.facts);
  const { issue, isNew } = certificateOf(draft, server);
  const change = nodeChangeStep(draft, server, node.agent.facts, issue);
  const steps = [...(isNew ? [issueStep(draft, node, issue)] : []), ...change];
  const isVerified = steps.length > 0 || !node.remoteClusterServer;
  return [
    ...steps,
    ...(isVerified ? [verifyStep(draft, server, issue, givenFor(node, draft.request, draft.facts) !== undefined)] : []),
  ];
};

/** Of a node whose server stays as people made it, too: one that cannot find the file of a setting takes no state of its cluster any more. */
const signingTrustStep = ({ signing, facts }: ServerDraft, node: NodeObservation, seen: NodeFacts): AnyStep[] => {
  if (!signing?.trust) return [];
  const change = changeOf(node, seen, { files: [signing.trust], settings: {}, keystore: {}, keystorePassword: null });
  const stages = { roll: 'remote-roll', files: 'remote-files' };
  return change === null ? [] : [nodeStep({ cluster: facts.remote, node, change, effect: 'file', stages })];
};

const whyIssued = (standing: CertificateRecord | undefined, given: Signed | undefined): string => {
  if (given !== undefined) return standing ? 'another certificate was given' : 'the certificate was given';
  return standing
    ? 'the certificate does not cover what is wanted, shall live for another time, or ends soon'
    : 'the node has no certificate for the remote cluster port';
};

const issueStep = ({ facts, request }: ServerDraft, node: NodeObservation, input: CertificateIssue): AnyStep => {
  const standing = facts.certificates.find((record) => record.node === node.name);
  const given = givenFor(node, request, facts);
  return {
    ...{ id: `issue-certificate-${input.node}`, kind: 'certificate.issue', target: input.node },
    ...{ effect: 'none', stage: 'certificates', input, reason: whyIssued(standing, given) },
    diff: given ? givenDiff(standing, given.signed.facts, input) : certificateDiff(standing, input),
  };
};

/** A node that serves already without saying so needs no restart to say it. */
const isOnByDefault = (node: NodeObservation): boolean =>
  node.remoteClusterServer !== null && fileSetting(node, `${PREFIX}.enabled`) === undefined;

/** What elasticsearch.yml of a node that serves says, but for the file of its certificate. */
export const serverSettings = ({ node, settings }: ServerWish): Readonly<Record<string, SettingValue>> => ({
  'remote_cluster_server.enabled': true,
  ...settings,
  ...(isOnByDefault(node) ? {} : { [`${PREFIX}.enabled`]: true }),
});

const nodeChangeStep = (
  draft: ServerDraft,
  server: ServerWish,
  facts: NodeFacts,
  certificate: CertificateIssue,
): AnyStep[] => {
  const cluster = draft.facts.remote;
  const change = changeOf(server.node, facts, {
    files: [...serverFiles(certificate), ...(draft.signing?.trust ? [draft.signing.trust] : [])],
    settings: {
      ...serverSettings(server),
      ...(certificate.key === undefined ? { [`${PREFIX}.keystore.path`]: certificate.path } : {}),
    },
    keystore: certificate.key === undefined ? passwordEntries(server.node, certificate) : {},
    keystorePassword: keystorePasswordReference(draft.facts, cluster.name, server.node.name),
  });
  if (!change) return [];
  const effect = strongestEffect([change.restart ? 'restart' : 'file']);
  const parts: NodeStepParts = {
    cluster,
    node: server.node,
    change,
    effect,
    stages: { roll: 'remote-roll', files: 'remote-files' },
  };
  return [nodeStep(parts)];
};

/** Others that connect have to trust what takes the place of another. */
const trustedBy = ({ request, facts }: ServerDraft, isGiven: boolean): { readonly trustedBy?: TrustingNode[] } => {
  const trusting = isGiven ? trustingClients(request.remote, facts.others.trust, { index: 0, isFirst: true }) : [];
  return trusting.length > 0 ? { trustedBy: trusting } : {};
};

const verifyStep = (
  draft: ServerDraft,
  { host, port }: ServerWish,
  input: CertificateIssue,
  isGiven: boolean,
): AnyStep => ({
  id: `verify-server-${input.node}`,
  kind: 'remote-server.verify',
  target: input.node,
  effect: 'none',
  reason: 'the port must serve this certificate, under an address that it covers',
  diff: '',
  stage: 'remote-verify',
  input: { ...input, planned: draft.request.mode === 'sniff' ? { host, port } : null, ...trustedBy(draft, isGiven) },
});
