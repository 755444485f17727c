import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { ChangeOperation, OperationCall, OperationInput } from '@remora/shared/operations.ts';
import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import { type NodeChange, restartOf, type WantedFile } from './node-change.ts';
import { fileDiff, heldCertificates, settingsDiff } from './node-diff.ts';

/** What shall not be on a node any more. What is not there is left out. */
export interface Removal {
  /** Files that go, each with what it is. */
  readonly files?: readonly { readonly path: string; readonly what: string }[];
  /** A file that is written anew. */
  readonly rewritten?: WantedFile | null;
  /** Settings as they shall stand; null for those that shall not. */
  readonly settings?: Readonly<Record<string, SettingValue | null>>;
  readonly keystore?: readonly string[];
  /** What the running process still has, although the files do not name it any more. */
  readonly loaded?: readonly string[];
  readonly keystorePassword: string | null;
}

const entryOf = (facts: NodeFacts, name: string) => facts.keystore.entries?.find((entry) => entry.name === name);

const goneFile = (facts: NodeFacts, { path, what }: { readonly path: string; readonly what: string }): string[] => {
  const found = facts.files.find((file) => file.path === path);
  return [`- file ${path}: ${what}`, ...(found?.digest == null ? [] : [`-   SHA-256 ${found.digest}`])];
};

const removeEntries = (names: readonly string[], password: string | null): OperationCall<ChangeOperation> => ({
  name: 'keystore',
  input: {
    set: [],
    remove: [...names],
    ...(password === null ? {} : { password: { $secret: password } }),
  },
});

const changeFiles = (rewritten: WantedFile | null, remove: string[]): OperationCall<ChangeOperation>[] => {
  const write: OperationInput<'files'>['write'] = [];
  if (rewritten !== null) {
    const { path, content, source, mode } = rewritten;
    write.push({ path, content, source, mode });
  }
  return write.length + remove.length === 0 ? [] : [{ name: 'files', input: { write, remove } }];
};

/** Takes entries out of the keystore of a node that was not seen, whoever wrote them: what is not there is left alone by its agent. */
export const blindRemoval = (entries: readonly string[], keystorePassword: string | null): NodeChange => ({
  operations: [removeEntries(entries, keystorePassword)],
  restart: false,
  reload: true,
  diff: entries.map((name) => `- keystore ${name}, if it is there`),
  reasons: ['its agent is away, so the node is left until it is back'],
});

/** What is to be done on a node so that it has none of it any more; null when it has none. Settings are read at the start of the node only: it restarts for them. */
export const removalChange = (facts: NodeFacts, removal: Removal): NodeChange | null => {
  const { rewritten = null, loaded = [], keystorePassword } = removal;
  const isThere = (path: string): boolean => facts.files.some((file) => file.path === path && file.digest !== null);
  const gone = (removal.files ?? []).filter(({ path }) => isThere(path));
  const changed = Object.entries(removal.settings ?? {}).filter(
    ([name, value]) => !sameSettingValue(facts.settingsFile.values[name], value),
  );
  const set = changed.filter((entry): entry is [string, SettingValue] => entry[1] !== null);
  const removed = changed.flatMap(([name, value]) => (value === null ? [name] : []));
  const entries = (removal.keystore ?? []).filter((name) => entryOf(facts, name) !== undefined);
  const restart = changed.length > 0 || loaded.length > 0;
  const count = gone.length + changed.length + entries.length + loaded.length;
  if (count === 0 && rewritten === null) return null;
  const operations = changeFiles(
    rewritten,
    gone.map(({ path }) => path),
  );
  if (changed.length > 0)
    operations.push({
      name: 'settings',
      input: {
        set: Object.fromEntries(set) as OperationInput<'settings'>['set'],
        remove: removed,
        expectDigest: facts.settingsFile.digest,
      },
    });
  if (entries.length > 0) operations.push(removeEntries(entries, keystorePassword));
  if (restart) operations.push(restartOf(facts));
  return {
    operations,
    restart,
    reload: !restart && entries.length > 0,
    diff: [
      ...gone.flatMap((file) => goneFile(facts, file)),
      ...(rewritten === null ? [] : [...fileDiff(facts, rewritten), ...heldCertificates(rewritten.holds ?? [])]),
      ...settingsDiff(facts, set, removed),
      ...entries.map(
        (name) => `- keystore ${name} = ${entryOf(facts, name)?.reference ?? 'a value that Remora did not write'}`,
      ),
    ],
    reasons: reasonsOf({ gone: gone.length, changed: changed.length, entries: entries.length, loaded, rewritten }),
  };
};

interface Counts {
  readonly gone: number;
  readonly changed: number;
  readonly entries: number;
  readonly loaded: readonly string[];
  readonly rewritten: WantedFile | null;
}

const some = (count: number, one: string, more: string): string[] =>
  count === 0 ? [] : [count === 1 ? `a ${one}` : `${count} ${more}`];

const reasonsOf = ({ gone, changed, entries, loaded, rewritten }: Counts): string[] => {
  const things = [
    ...some(gone, 'file', 'files'),
    ...some(changed, 'setting', 'settings'),
    ...some(entries, 'keystore entry', 'keystore entries'),
  ];
  return [
    ...(things.length > 0 ? [`${things.join(', ')} of the connection that nothing else needs`] : []),
    ...(rewritten === null ? [] : ['a CA that no other connection needs is trusted']),
    ...(loaded.length > 0 ? [`the running process still has ${loaded.join(', ')}`] : []),
  ];
};
