import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { ChangeOperation, OperationCall, OperationInput } from '@remora/shared/operations.ts';
import { type SettingValue, sameSettingValue, settingRule } from '@remora/shared/settings.ts';
import type { NodeObservation } from '../facts.ts';
import { isSecureSettingLoaded, isSettingLoaded } from './loaded.ts';
import { type FileDiff, fileDiff, heldCertificates, keystoreDiff, settingsDiff, trustedNames } from './node-diff.ts';

/** A file as it shall be below the node's configuration directory. */
export interface WantedFile extends FileDiff {
  /** Base64, or the reference of a secret that holds the bytes. */
  readonly content: OperationInput<'files'>['write'][number]['content'];
  /** Name of these bytes, which `inspect` gives back while they are unchanged. */
  readonly source: string;
  /** For a PEM bundle: fingerprints of the certificates that it holds; compared instead of `source`. */
  readonly certificates?: readonly string[];
  /** For people: the certificates of such a bundle, a name for one that is not made yet. */
  readonly holds?: readonly (CertificateFacts | string)[];
  /** For people: patterns of a file with trust restrictions. */
  readonly letsIn?: readonly string[];
  readonly mode: number;
}

/** What one node shall have. */
export interface WantedNode {
  readonly files: readonly WantedFile[];
  readonly settings: Readonly<Record<string, SettingValue>>;
  /** Settings that must not stand in elasticsearch.yml beside these, nor be in the running process. */
  readonly without?: readonly string[];
  /** Keystore entries: setting name to the reference of the secret. */
  readonly keystore: Readonly<Record<string, string>>;
  /** Reference of the keystore's password, for a protected keystore. */
  readonly keystorePassword: string | null;
}

/** What has to be done on a node to bring it there. */
export interface NodeChange {
  readonly operations: readonly OperationCall<ChangeOperation>[];
  readonly restart: boolean;
  /** A secure setting changed that a reload applies. */
  readonly reload: boolean;
  readonly diff: readonly string[];
  readonly reasons: readonly string[];
}

const START_TIMEOUT_MS = 15 * 60_000;

/** Compares what a node shall have with its files, its keystore and its running process; null when all three have it. */
export const changeOf = (node: NodeObservation, facts: NodeFacts, wanted: WantedNode): NodeChange | null => {
  const files = wanted.files.filter((file) => !isInPlace(facts, file));
  const settings = Object.entries(wanted.settings).filter(
    ([name, value]) => !sameSettingValue(facts.settingsFile.values[name], value),
  );
  const removed = (wanted.without ?? []).filter((name) => facts.settingsFile.values[name] !== undefined);
  const keystore = Object.entries(wanted.keystore).filter(
    ([name, reference]) => entryOf(facts, name)?.reference !== reference,
  );
  const unloaded = notLoaded(node, facts, wanted);
  const kept = (wanted.without ?? []).filter((name) => !removed.includes(name) && node.settings[name] !== undefined);
  const restartEntries = keystore.filter(([name]) => settingRule(name)?.effect === 'restart');
  const restart =
    settings.length + removed.length > 0 || restartEntries.length > 0 || unloaded.length + kept.length > 0;
  if (files.length + settings.length + keystore.length === 0 && !restart) return null;
  return {
    operations: operationsOf({ files, settings, removed, keystore, restart }, facts, wanted),
    restart,
    reload: !restart && keystore.length > 0,
    diff: [
      ...files.flatMap((file) => [
        ...fileDiff(facts, file),
        ...heldCertificates(file.holds ?? []),
        ...trustedNames(file.letsIn ?? []),
      ]),
      ...settingsDiff(facts, settings, removed),
      ...keystoreDiff(facts, wanted.keystore, keystore),
    ],
    reasons: reasonsOf(files.length, settings.length + removed.length, keystore.length, { unloaded, kept }),
  };
};

const isInPlace = (facts: NodeFacts, file: WantedFile): boolean => {
  const found = facts.files.find(({ path }) => path === file.path);
  if (!file.certificates) return found?.source === file.source;
  const held = found?.certificates.map(({ fingerprint256 }) => fingerprint256) ?? [];
  return (
    held.length === file.certificates.length && file.certificates.every((fingerprint) => held.includes(fingerprint))
  );
};

const entryOf = (facts: NodeFacts, name: string) => facts.keystore.entries?.find((entry) => entry.name === name);

/** Settings that stand in the files as wanted but that the running process does not have. */
const notLoaded = (node: NodeObservation, facts: NodeFacts, wanted: WantedNode): string[] => {
  const settings = Object.entries(wanted.settings).filter(
    ([name, value]) => sameSettingValue(facts.settingsFile.values[name], value) && !isSettingLoaded(node, name, value),
  );
  const secure = Object.entries(wanted.keystore).filter(([name, reference]) => {
    const entry = entryOf(facts, name);
    return (
      settingRule(name)?.effect === 'restart' &&
      entry?.reference === reference &&
      !isSecureSettingLoaded(node, entry.writtenAtMs)
    );
  });
  return [...settings, ...secure].map(([name]) => name);
};

interface Difference {
  readonly files: readonly WantedFile[];
  readonly settings: readonly (readonly [string, SettingValue])[];
  readonly removed: readonly string[];
  readonly keystore: readonly (readonly [string, string])[];
  readonly restart: boolean;
}

/** One transaction: the agent carries out the operations in this order and takes all of them back when one fails. */
const operationsOf = (
  difference: Difference,
  facts: NodeFacts,
  wanted: WantedNode,
): OperationCall<ChangeOperation>[] => {
  const operations: OperationCall<ChangeOperation>[] = [];
  if (difference.files.length > 0) {
    const write = difference.files.map(({ path, content, source, mode }) => ({ path, content, source, mode }));
    operations.push({ name: 'files', input: { write, remove: [] } });
  }
  if (difference.settings.length + difference.removed.length > 0) {
    const set = Object.fromEntries(
      difference.settings.map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]),
    ) as OperationInput<'settings'>['set'];
    operations.push({
      name: 'settings',
      input: { set, remove: [...difference.removed], expectDigest: facts.settingsFile.digest },
    });
  }
  if (difference.keystore.length > 0) {
    const set = difference.keystore.map(([name, reference]) => ({ name, value: { $secret: reference }, reference }));
    const password = wanted.keystorePassword === null ? {} : { password: { $secret: wanted.keystorePassword } };
    operations.push({ name: 'keystore', input: { set, remove: [], ...password } });
  }
  if (difference.restart) operations.push(restartOf(facts));
  return operations;
};

/** A restart of whatever process the agent finds. */
export const restartOfAny: OperationCall<'service'> = {
  name: 'service',
  input: { action: 'restart', startTimeoutMs: START_TIMEOUT_MS },
};

/** A restart of the process that was seen: one that has another process by then needs none any more. */
export const restartOf = ({ process: { identity } }: NodeFacts): OperationCall<'service'> => ({
  ...restartOfAny,
  input: { ...restartOfAny.input, ...(identity === null ? {} : { replaces: identity }) },
});

/** The same change of a node that a step before has changed by then: its elasticsearch.yml and its process are others than those that the plan saw. */
export const afterOther = (change: NodeChange): NodeChange => ({
  ...change,
  operations: change.operations.map((call) => {
    if (call.name === 'service') return restartOfAny;
    if (call.name !== 'settings') return call;
    const { expectDigest: _, ...input } = call.input;
    return { ...call, input };
  }),
});

const reasonsOf = (
  files: number,
  settings: number,
  keystore: number,
  { unloaded, kept }: { readonly unloaded: readonly string[]; readonly kept: readonly string[] },
): string[] => [
  ...(files > 0 ? [`${files === 1 ? 'a file is' : `${files} files are`} missing or older`] : []),
  ...(settings > 0
    ? [`${settings === 1 ? 'a setting differs' : `${settings} settings differ`} in elasticsearch.yml`]
    : []),
  ...(keystore > 0
    ? [`${keystore === 1 ? 'a keystore entry is' : `${keystore} keystore entries are`} missing or older`]
    : []),
  ...(unloaded.length > 0 ? [`the running process has not loaded ${unloaded.join(', ')}`] : []),
  ...(kept.length > 0 ? [`the running process still has ${kept.join(', ')}`] : []),
];
