import type { Crossing } from '../../connection/crossing.ts';
import type { SigningSide } from '../../connection/local-side.ts';
import type { ConnectFacts, NodeObservation } from '../../facts.ts';
import { isSecureSettingLoaded } from '../../node/loaded.ts';
import type { WantedFile } from '../../node/node-change.ts';
import { files, signingKeystore } from '../../node/placed-files.ts';
import { rollOrder } from '../../order.ts';
import type { SigningCertificateRecord } from '../../records.ts';
import { givenSigner } from '../../signing/given-signers.ts';
import { signerFile, signerStep, signerStepId } from '../../signing/signing-certificates.ts';
import type { SigningIssue } from '../../signing/signing-issue.ts';
import { passwordEntry, signingTrust, signSettings, withoutThem } from '../../signing/signing-names.ts';
import { signingSettingsStep } from '../../signing/signing-settings.ts';
import type { AnyStep } from '../../steps.ts';
import type { ConnectDraft } from '../draft.ts';
import { narrowSteps, widenSteps } from './resigning.ts';
import type { SigningDraft } from './signing-draft.ts';

/** After the reload, since a node that lacks the password of its file would sign nothing, and before anything is asked over a new alias. */
export const signStage = { id: 'sign', title: 'Have the local cluster sign', mode: 'serial' } as const;

/** What a local node has for it. */
const signerParts = (
  { signing, request }: Pick<ConnectDraft, 'signing' | 'request'>,
  { name }: NodeObservation,
): { readonly files: readonly WantedFile[]; readonly keystore: Readonly<Record<string, string>> } => {
  const found = signing.issues.get(name);
  return found === undefined
    ? { files: [], keystore: {} }
    : { files: [signerFile(found.issue)], keystore: { [passwordEntry(request.alias)]: found.issue.passwordSecret } };
};

/** What signs requests on the nodes of the local cluster. */
export const signingSide = (draft: ConnectDraft): SigningSide => ({
  parts: (node) => signerParts(draft, node),
  mayLackPassword: (node) => mayLackPassword(draft, node),
});

const whyIssued = (standing: SigningCertificateRecord, { subject, ca, given }: SigningIssue): string => {
  if (given !== undefined) return 'another certificate was given, with which the node shall sign';
  if (standing.subject !== subject) return 'the certificate with which the node signs shall have another subject';
  return standing.ca === ca
    ? 'the certificate with which the node signs shall live for another time, or ends soon'
    : 'the certificate with which the node signs shall be of another CA';
};

/** The certificates that are made. */
const signerSteps = ({ signing, facts, request }: ConnectDraft): AnyStep[] =>
  [...signing.issues.values()]
    .filter(({ isNew }) => isNew)
    .map(({ issue }) => {
      const standing = facts.signers.find(
        (one) => one.cluster === issue.cluster && one.node === issue.node && one.alias === issue.alias,
      );
      const reason = standing ? whyIssued(standing, issue) : 'the node has no certificate with which it could sign';
      const given = issue.given && givenSigner({ name: issue.node }, request, facts);
      return signerStep(issue, standing, { reason, stage: 'certificates', given });
    });

const bundleOn = ({ agent }: NodeObservation) =>
  agent.state === 'online'
    ? agent.facts.files.find(({ path, digest }) => path === files.signingCas && digest !== null)
    : undefined;

/** Of a bundle that becomes another: the remote node reads it by itself, some time after. */
const trustProofs = ({ signing, facts }: ConnectDraft): AnyStep[] => {
  const { trust } = signing;
  if (trust === null) return [];
  return rollOrder(facts.remote.nodes).flatMap((node): AnyStep[] => {
    const held = bundleOn(node)?.certificates.map(({ fingerprint256 }) => fingerprint256);
    if (held === undefined || trust.certificates?.every((one) => held.includes(one))) return [];
    return [
      {
        ...{ id: `verify-signing-trust-${node.name}`, kind: 'signing-trust.verify', target: node.name, effect: 'none' },
        ...{ reason: 'the node must take signatures of the CA before anybody signs with it', diff: '' },
        stage: 'remote-verify',
        input: { cluster: facts.remote.name, node: node.name },
      },
    ];
  });
};

/** Of a trust that Remora writes for the first time: what stood there is not known. */
export const blindWarning = ({ others, key }: SigningDraft, { name }: ConnectFacts['remote']): string[] =>
  others.length > 0 || key?.certificateIdentity !== undefined
    ? []
    : [
        `Elasticsearch shows to nobody whether cluster.remote.signing.* of cluster ${name} was set by hand: if it was, it is written over, and a rollback does not bring it back.`,
      ];

/** Has the remote cluster take signatures: before anybody signs, since a signature that is not taken is refused even where none is demanded. */
const trustSteps = (draft: ConnectDraft): AnyStep[] => {
  const { signing, facts } = draft;
  if (signing.wish === null) return [];
  const proofs = trustProofs(draft);
  if (signing.isOn) return proofs;
  const stands = signing.others.length > 0 || signing.key?.certificateIdentity !== undefined;
  return [
    ...proofs,
    signingSettingsStep({
      ...{ id: 'trust-signatures', cluster: facts.remote.name, persistent: signingTrust, stage: 'signing-trust' },
      before: stands ? signingTrust : withoutThem(signingTrust),
      reason: `the remote cluster takes signatures of CA ${signing.wish.ca}`,
    }),
  ];
};

/** The connection where it works now: then it works afterwards, or what was changed is put back at once. */
export const crossingOf = ({
  facts,
  request,
  record,
}: Pick<ConnectDraft, 'facts' | 'request' | 'record'>): Crossing | null =>
  facts.proven === true ? { local: request.local, alias: request.alias, keySecret: record.keySecret } : null;

const isPlaced = ({ local }: ConnectDraft['facts'], { node, alias, p12Secret }: SigningIssue): boolean =>
  local.nodes.some(
    ({ name, agent }) =>
      name === node &&
      agent.state === 'online' &&
      agent.facts.files.some(({ path, source }) => path === signingKeystore(alias) && source === p12Secret),
  );

/** That nodes sign with the certificates that they have by then: those that get another one, or all where it is not known with what they sign. */
const signedProofs = ({ signing, facts, request, record }: ConnectDraft): AnyStep[] =>
  [...signing.issues.values()]
    .filter(({ issue }) => signing.resigning.isProvenWhole || !isPlaced(facts, issue))
    .map(({ issue }) => ({
      ...{ id: signerStepId('verify-signing', issue), kind: 'signing.verify', target: issue.node, effect: 'none' },
      ...{ reason: 'the node must sign with the new certificate, and be let in', diff: '', stage: 'signed' },
      input: { cluster: issue.cluster, node: issue.node, alias: request.alias, keySecret: record.keySecret },
    }));

/** Has the local cluster sign, and where certificates take the place of others, proves that they are in use. */
export const signSteps = (draft: ConnectDraft): AnyStep[] => {
  const { signing, facts, request, record } = draft;
  if (signing.wish === null) return [];
  const settings = signSettings(request.alias);
  if (signing.isOn) return signedProofs(draft);
  const stood = signing.standing.length > 0 && signing.key?.certificateIdentity !== undefined;
  return [
    signingSettingsStep({
      ...{ id: 'sign-requests', cluster: facts.local.name, persistent: settings, stage: 'sign' },
      before: stood ? settings : withoutThem(settings),
      crossing: crossingOf({ facts, request, record }),
      reason: `requests over ${request.alias} are to be signed`,
    }),
    // Written with the same value, the setting has nobody look at the file.
    ...(signing.standing.length > 0 ? signedProofs(draft) : []),
  ];
};

/** Whether the process of a node may lack the password although its keystore has it: then it could not read the file, and would not say so. */
const mayLackPassword = ({ signing, request }: ConnectDraft, node: NodeObservation): boolean => {
  // A plan for some nodes alone has nothing signed yet: the one that does looks again.
  if (signing.isOn || request.nodes !== undefined || node.agent.state !== 'online') return false;
  const wanted = signing.issues.get(node.name)?.issue.passwordSecret;
  const entry = node.agent.facts.keystore.entries?.find(({ name }) => name === passwordEntry(request.alias));
  return wanted !== undefined && entry?.reference === wanted && !isSecureSettingLoaded(node, entry.writtenAtMs);
};

/** Has the key demand the signature, once all nodes sign and are let in. */
const demandSteps = ({ signing, facts, request, record }: ConnectDraft): AnyStep[] => {
  const { wish, key } = signing;
  // A key that is yet to be made demands it from its beginning.
  if (wish === null || key === undefined || key.certificateIdentity === wish.identity) return [];
  const { id, name, secret } = key.record;
  const before = signing.resigning.demand ?? key.certificateIdentity;
  return [
    {
      ...{ id: 'demand-signature', kind: 'api-key.identify', target: facts.remote.name, effect: 'api' },
      ...{ reason: 'the key is to let nobody in without a signature of this subject', stage: 'identity' },
      diff: [
        ...(before === undefined ? [] : [`- key ${name}: certificate_identity ${before}`]),
        `+ key ${name}: certificate_identity ${wish.identity}`,
      ].join('\n'),
      input: {
        ...{ cluster: facts.remote.name, id, secret, identity: wish.identity },
        crossing: crossingOf({ facts, request, record }),
      },
    },
  ];
};

/** The steps of a connection whose requests are signed, but for what stands on its nodes. */
export const signedSteps = (draft: ConnectDraft): AnyStep[] => [
  ...signerSteps(draft),
  ...trustSteps(draft),
  ...widenSteps(draft, crossingOf(draft)),
  ...signSteps(draft),
  ...demandSteps(draft),
  ...narrowSteps(draft),
];
