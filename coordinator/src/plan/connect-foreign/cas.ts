import type { AnyConnectionRecord } from '../connection/connection-records.ts';
import type { WantedFile } from '../node/node-change.ts';
import { files } from '../node/placed-files.ts';
import type { CaRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { neededCas } from '../trust/ca-bundle.ts';
import type { ForeignConnectFacts, GivenCa } from './facts.ts';

const LONGEST_NAME = 63;

/** A CA that was given, under the name that it has or gets. */
export interface NamedCa extends GivenCa {
  readonly name: string;
  readonly isNew: boolean;
}

/** `eu-other-remote`, `eu-other-remote-2`: the first that no CA has. */
const freeName = (local: string, alias: string, taken: readonly string[]): string => {
  for (let n = 1; ; n += 1) {
    const end = n === 1 ? '-remote' : `-remote-${n}`;
    const name = `${`${local}-${alias}`.slice(0, LONGEST_NAME - end.length)}${end}`;
    if (!taken.includes(name)) return name;
  }
};

/** One that is on record already, by its fingerprint, is that one. */
export const namedCas = (
  { given, cas }: Pick<ForeignConnectFacts, 'given' | 'cas'>,
  { local, alias }: { readonly local: string; readonly alias: string },
): NamedCa[] => {
  const named: NamedCa[] = [];
  for (const one of given) {
    if (named.some(({ facts }) => facts.fingerprint256 === one.facts.fingerprint256)) continue;
    const standing = cas.find(({ facts }) => facts.fingerprint256 === one.facts.fingerprint256);
    const taken = [...cas, ...named].map(({ name }) => name);
    named.push({ ...one, name: standing?.name ?? freeName(local, alias, taken), isNew: standing === undefined });
  }
  return named;
};

export const caSteps = (named: readonly NamedCa[]): AnyStep[] =>
  named
    .filter(({ isNew }) => isNew)
    .map(({ name, certificatePem, facts }) => ({
      ...{ id: `import-ca-${name}`, kind: 'ca.import', target: 'coordinator', effect: 'none', stage: 'prepare' },
      reason: 'the CA that was given is not on record yet',
      diff: `+ CA ${name} (${facts.subject}, until ${facts.notAfter}, SHA-256 ${facts.fingerprint256}), to trust only`,
      input: { ca: name, certificatePem, fingerprint256: facts.fingerprint256 },
    }));

/** The CA file with what was given and what other connections of the local cluster need; null where public CAs do. All is known, so it travels as it is. */
export const bundleOf = (
  named: readonly NamedCa[],
  others: readonly AnyConnectionRecord[],
  cas: readonly CaRecord[],
  hash: (text: string) => string,
): WantedFile | null => {
  if (named.length === 0) return null;
  const needed = neededCas(cas, others);
  const all = [...cas.filter(({ name }) => needed.includes(name)), ...named]
    .filter(({ name }, index, every) => every.findIndex((one) => one.name === name) === index)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = all.map(({ certificatePem }) => certificatePem).join('');
  return {
    path: files.caBundle,
    content: Buffer.from(text).toString('base64'),
    source: `CA ${all.map(({ name }) => name).join(', ')}`,
    certificates: all.map(({ facts }) => facts.fingerprint256),
    holds: all.map(({ facts }) => facts),
    digest: hash(text),
    mode: 0o644,
    what: `CA certificate of ${all.map(({ name }) => name).join(', ')}`,
  };
};
