import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { GivenCertificates } from '@remora/shared/model/certificates/signing-request.ts';
import { fileNameOf } from '@remora/shared/model/values/names.ts';
import { readBytes, readSecret } from '../frame/input.ts';

type Given = GivenCertificates['certificates'][number];

/** How the flags begin: `signing-` of those for certificates with which nodes sign. */
export type GivenPrefix = '' | 'signing-';

/** What is read of a directory. */
export interface GivenPlace {
  /** The one node that is meant; absent: all. */
  readonly node?: string | undefined;
  readonly passphraseFile?: string | undefined;
  /** Absent: those that ports serve. */
  readonly prefix?: GivenPrefix | undefined;
}

const refuse = (message: string, hint: string): never => {
  throw new RemoraError('bad-input', message, { hint });
};

const EXPECTED = 'It has to hold NODE.p12, or NODE.crt and NODE.key, for each node.';
const FORMS = { p12: 'p12', pfx: 'p12', crt: 'crt', pem: 'crt', cer: 'crt', key: 'key' } as const;
type Form = (typeof FORMS)[keyof typeof FORMS];

const isForm = (end: string): end is keyof typeof FORMS => Object.hasOwn(FORMS, end);

const list = async (directory: string, where: string): Promise<string[]> => {
  try {
    return await readdir(directory);
  } catch (error) {
    return refuse(`${where} cannot be read: ${messageOf(error)}.`, EXPECTED);
  }
};

/** Files of each node by what they are; `ca.crt`, as `certs issue` writes it, is nobody's. */
const grouped = (where: string, files: readonly string[]): Map<string, Map<Form, string>> => {
  const nodes = new Map<string, Map<Form, string>>();
  for (const file of files.toSorted()) {
    const [, name, end] = /^(.+)\.([a-z0-9]+)$/.exec(file) ?? [];
    if (name === undefined || end === undefined || name === 'ca' || !isForm(end)) continue;
    const own = nodes.get(name) ?? new Map<Form, string>();
    const before = own.get(FORMS[end]);
    if (before !== undefined) refuse(`${where} holds both ${before} and ${file}.`, EXPECTED);
    nodes.set(name, own.set(FORMS[end], file));
  }
  return nodes;
};

const passphraseOf = async (
  path: string,
  { passphraseFile, prefix = '' }: GivenPlace,
): Promise<{ passphrase?: string }> => {
  if (passphraseFile !== undefined)
    return { passphrase: await readSecret(passphraseFile, `--${prefix}passphrase-file`) };
  // As `certs issue` writes it.
  return existsSync(path) ? { passphrase: await readSecret(path, `--${prefix}files`) } : {};
};

const readOne = async (
  directory: string,
  name: string,
  files: ReadonlyMap<Form, string>,
  place: GivenPlace,
): Promise<Given> => {
  const flag = `--${place.prefix ?? ''}files`;
  const read = async (file: string): Promise<string> =>
    (await readBytes(join(directory, file), flag)).toString('base64');
  const [p12, crt, key] = [files.get('p12'), files.get('crt'), files.get('key')];
  const secret = await passphraseOf(join(directory, `${name}.password`), place);
  if (p12 !== undefined && (crt ?? key) === undefined) return { name, certificate: await read(p12), ...secret };
  if (p12 === undefined && crt !== undefined && key !== undefined)
    return { name, certificate: await read(crt), key: await read(key), ...secret };
  return refuse(
    p12 === undefined
      ? `${flag} ${directory} holds ${crt ?? key} and no ${crt === undefined ? 'certificate' : 'key'} for "${name}".`
      : `${flag} ${directory} holds both ${p12} and ${crt ?? key}.`,
    EXPECTED,
  );
};

/** The certificates in a directory, each called like its node; of one node alone where that is given. Throws `bad-input`. */
export const givenFiles = async (directory: string, place: GivenPlace): Promise<Given[]> => {
  const { node, passphraseFile, prefix = '' } = place;
  if (passphraseFile === '-') refuse(`--${prefix}passphrase-file - is read once for each node.`, 'Give a file.');
  const where = `--${prefix}files ${directory}`;
  const all = grouped(where, await list(directory, where));
  const wanted = [...all].filter(([name]) => node === undefined || [node, fileNameOf(node)].includes(name));
  if (wanted.length === 0)
    return refuse(`${where} holds no certificate${node === undefined ? '' : ` for node ${node}`}.`, EXPECTED);
  return Promise.all(wanted.map(([name, files]) => readOne(directory, name, files, place)));
};
