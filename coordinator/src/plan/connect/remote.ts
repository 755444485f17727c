import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import { strongestEffect } from '@remora/shared/settings.ts';
import { caKeySecret, ownCa, signingCa } from '../ca-names.ts';
import { certificateDiff } from '../certificate-diff.ts';
import { isMostlyOver, wishedLifeMs } from '../certificate-life.ts';
import { connectionDiff } from '../connection-diff.ts';
import { changeOf } from '../node-change.ts';
import { keystorePasswordReference, type NodeStepParts, nodeStep } from '../node-step.ts';
import { rollOrder } from '../order.ts';
import { files } from '../placed-files.ts';
import type { CertificateRecord } from '../records.ts';
import { serverSecrets } from '../secret-names.ts';
import { serverFiles } from '../server-certificate.ts';
import type { AnyStep, CertificateIssue } from '../steps.ts';
import type { ConnectDraft } from './draft.ts';
import type { ServerWish } from './wanted.ts';

const PREFIX = 'xpack.security.remote_cluster_server.ssl';

/** What has to happen on the remote cluster so that it serves connections: a CA, a certificate a node, settings, and the roll. */
export const remoteSteps = (draft: ConnectDraft): AnyStep[] => {
  const nodes = rollOrder(draft.servers.map((server) => ({ ...server.node, server })));
  return [...recordStep(draft), ...caStep(draft), ...nodes.flatMap(({ server }) => serverSteps(draft, server))];
};

/** Filed first, so that everything that the run then makes is known to belong to a connection of ours. */
const recordStep = (draft: ConnectDraft): AnyStep[] => {
  const { facts, record } = draft;
  const standing = facts.connections.find((c) => c.local === record.local && c.alias === record.alias);
  if (standing && JSON.stringify(standing) === JSON.stringify(record)) return [];
  const diff = connectionDiff(standing, record);
  const reason = standing ? 'the connection is wanted with other values' : 'the connection is new';
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

const caStep = ({ facts, ca }: ConnectDraft): AnyStep[] =>
  facts.cas.some(({ name }) => name === ca)
    ? []
    : [
        {
          id: `create-ca-${ca}`,
          kind: 'ca.create',
          target: 'coordinator',
          effect: 'none',
          reason: `there is no CA "${ca}" yet`,
          diff: `+ CA ${ca} (RSA ${ownCa.keyBits}, ${ownCa.validityDays} days), key sealed as ${caKeySecret(ca)}`,
          stage: 'prepare',
          input: { ca, commonName: ca, validityDays: ownCa.validityDays },
        },
      ];

const isCurrent = (record: CertificateRecord, wish: CertificateIssue, now: string): boolean =>
  record.ca === wish.ca &&
  wishedLifeMs(record) === wish.validityMs &&
  !isMostlyOver(record, now) &&
  wish.required.every((name) => record.names.includes(name));

const serverSteps = (draft: ConnectDraft, server: ServerWish): AnyStep[] => {
  const { node } = server;
  if (node.agent.state !== 'online') return [];
  const secrets = serverSecrets({
    cluster: draft.facts.remote.name,
    node: node.name,
    purpose: 'remote_cluster_server',
  });
  const known = draft.facts.certificates.find((record) => record.node === node.name);
  const passwordSecret = known?.passwordSecret ?? `secret:${secrets.password}@1`;
  const fresh = (draft.facts.secretVersions[secrets.p12] ?? 0) + 1;
  const wish = {
    cluster: draft.facts.remote.name,
    node: node.name,
    ...server.certificate,
    ...(known && draft.request.certValidity === undefined ? { validityMs: wishedLifeMs(known) } : {}),
    ca: signingCa(draft.facts, draft.ca, known?.ca),
    purpose: 'remote_cluster_server',
    path: files.serverKeystore,
    passwordSecret,
  } as const;
  const issue: CertificateIssue = { ...wish, p12Secret: known?.p12Secret ?? '' };
  const current =
    known !== undefined &&
    draft.facts.cas.some(({ name }) => name === wish.ca) &&
    isCurrent(known, issue, draft.context.now);
  const certificate: CertificateIssue = current ? issue : { ...wish, p12Secret: `secret:${secrets.p12}@${fresh}` };
  const change = nodeChangeStep(draft, server, node.agent.facts, certificate);
  const issueSteps = current ? [] : [issueStep(certificate, known)];
  return [
    ...issueSteps,
    ...change,
    ...(issueSteps.length + change.length > 0 || !node.remoteClusterServer
      ? [verifyStep(draft, server, certificate)]
      : []),
  ];
};

const issueStep = (input: CertificateIssue, standing: CertificateRecord | undefined): AnyStep => ({
  id: `issue-certificate-${input.node}`,
  kind: 'certificate.issue',
  target: input.node,
  effect: 'none',
  reason: standing
    ? 'the certificate does not cover what is wanted, shall live for another time, or ends soon'
    : 'the node has no certificate for the remote cluster port',
  diff: certificateDiff(standing, input),
  stage: 'certificates',
  input,
});

const nodeChangeStep = (
  draft: ConnectDraft,
  server: ServerWish,
  facts: NodeFacts,
  certificate: CertificateIssue,
): AnyStep[] => {
  const cluster = draft.facts.remote;
  const change = changeOf(server.node, facts, {
    files: serverFiles(certificate),
    settings: {
      'remote_cluster_server.enabled': true,
      ...server.settings,
      [`${PREFIX}.enabled`]: true,
      [`${PREFIX}.keystore.path`]: certificate.path,
    },
    keystore: { [`${PREFIX}.keystore.secure_password`]: certificate.passwordSecret },
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

const verifyStep = ({ request }: ConnectDraft, { host, port }: ServerWish, input: CertificateIssue): AnyStep => ({
  id: `verify-server-${input.node}`,
  kind: 'remote-server.verify',
  target: input.node,
  effect: 'none',
  reason: 'the port must serve this certificate, under an address that it covers',
  diff: '',
  stage: 'remote-verify',
  input: { ...input, planned: request.mode === 'sniff' ? { host, port } : null },
});
