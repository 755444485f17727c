import type { ClusterObservation, NodeObservation } from '../facts.ts';
import type { NodeChange } from '../node/node-change.ts';
import { keystorePasswordReference, nodeStep } from '../node/node-step.ts';
import { files, signingKeystore } from '../node/placed-files.ts';
import { removalChange } from '../node/removal.ts';
import { rollOrder } from '../order.ts';
import type { CaRecord, SigningCertificateRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { caBundleFile } from '../trust/ca-bundle.ts';
import { passwordEntry, signingTrust, withoutThem } from './signing-names.ts';
import { signingSettingsStep } from './signing-settings.ts';
import { strangeCas, theirCas } from './signing-wish.ts';

/** The files are removed last: a node that cannot find the file of a setting takes no state of its cluster any more. */

/** The keystore entry with the password of a node's signing certificate, where Remora wrote it. */
export const ownPasswordEntry = (alias: string, { agent }: NodeObservation): string[] =>
  agent.state === 'online'
    ? (agent.facts.keystore.entries ?? [])
        .filter(({ name, reference }) => name === passwordEntry(alias) && reference !== null)
        .map(({ name }) => name)
    : [];

/** The file with which a node signs, as something that goes. */
export const signerFileOf = (alias: string): { readonly path: string; readonly what: string } => ({
  path: signingKeystore(alias),
  what: `PKCS#12 with the certificate that signs for ${alias}`,
});

interface Off {
  readonly local: ClusterObservation;
  readonly alias: string;
  readonly secretVersions: Readonly<Record<string, number>>;
  readonly stages: { readonly files: string; readonly reload: string };
}

/** Takes the signing certificate of an alias off a local node, with its password. */
export const signerOff = ({ local, alias, secretVersions, stages }: Off, node: NodeObservation): AnyStep[] => {
  if (node.agent.state !== 'online') return [];
  const keystorePassword = keystorePasswordReference({ secretVersions }, local.name, node.name);
  const change = removalChange(node.agent.facts, {
    files: [signerFileOf(alias)],
    keystore: ownPasswordEntry(alias, node),
    keystorePassword,
  });
  if (change === null) return [];
  const at = { roll: stages.files, files: stages.files };
  const effect = change.reload ? 'reload' : 'file';
  return [
    nodeStep({ cluster: local, node, change, effect, stages: at, prefix: 'unsign' }),
    ...(change.reload ? [reloadOff({ local, alias, keystorePassword, stage: stages.reload }, node.name)] : []),
  ];
};

const reloadOff = (
  {
    local,
    alias,
    keystorePassword,
    stage,
  }: Pick<Off, 'local' | 'alias'> & {
    readonly keystorePassword: string | null;
    readonly stage: string;
  },
  node: string,
): AnyStep => ({
  ...{ id: `reload-unsigned-${local.name}.${node}`, kind: 'secure-settings.reload', target: node, effect: 'reload' },
  ...{ reason: `${passwordEntry(alias)} went from the keystore`, diff: '', stage },
  input: { cluster: local.name, node, keystorePassword },
});

interface TrustOff {
  readonly remote: ClusterObservation;
  /** CAs whose signatures it takes for other connections. */
  readonly others: readonly string[];
  readonly cas: readonly CaRecord[];
  readonly hash: (text: string) => string;
  readonly stages: { readonly settings: string; readonly files: string };
}

const fileChange = ({ others, cas, hash }: TrustOff, node: NodeObservation): NodeChange | null => {
  if (node.agent.state !== 'online') return null;
  const { facts } = node.agent;
  const held = facts.files.find(({ path, digest }) => path === files.signingCas && digest !== null);
  if (held === undefined) return null;
  if (others.length === 0)
    return removalChange(facts, {
      files: [{ path: files.signingCas, what: 'CAs whose signatures are taken' }],
      keystorePassword: null,
    });
  const rest = caBundleFile(others, cas, hash, files.signingCas);
  const isSame = (one: string): boolean => held.certificates.some(({ fingerprint256 }) => fingerprint256 === one);
  return held.certificates.length === rest.certificates?.length && rest.certificates.every(isSame)
    ? null
    : removalChange(facts, { rewritten: rest, keystorePassword: null });
};

/** What people should know where the trust stays as it is, since somebody else uses it. */
export const keptTrustWarnings = (
  remote: ClusterObservation,
  cas: readonly CaRecord[],
  standing: readonly SigningCertificateRecord[],
): string[] => [
  ...strangeCas(remote, cas).map(
    (found) => `${found}, which Remora does not know: the file and the setting that names it stay as they are.`,
  ),
  ...theirCas(remote, cas)
    .filter((name) => standing.some(({ ca, given }) => given !== undefined && ca === name))
    .map(
      (name) =>
        `CA ${name}, whose key is not here, stays in ${files.signingCas} of cluster ${remote.name}, with the setting that names it: others may sign by it. Where nobody does, take both out by hand.`,
    ),
];

/** Has a remote cluster take no more signatures of what no other connection needs; nothing where somebody else put a CA into the file. */
export const trustOff = (off: TrustOff): AnyStep[] => {
  const { remote, others, cas, stages } = off;
  if (strangeCas(remote, cas).length > 0) return [];
  const setting = signingSettingsStep({
    ...{ id: 'trust-no-signatures', cluster: remote.name, persistent: withoutThem(signingTrust) },
    ...{ before: signingTrust, stage: stages.settings, reason: 'no other connection is signed' },
  });
  const at = { roll: stages.files, files: stages.files };
  return [
    ...(others.length === 0 ? [setting] : []),
    ...rollOrder(remote.nodes).flatMap((node) => {
      const change = fileChange(off, node);
      return change === null
        ? []
        : [nodeStep({ cluster: remote, node, change, effect: 'file', stages: at, prefix: 'untrust' })];
    }),
  ];
};
