import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { givenFiles } from '../../../../../coordinator/src/cli/certificates/given-files.ts';

const directoryWith = async (...files: readonly string[]): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-given-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const file of files) await writeFile(join(directory, file), `what ${file} holds`);
  return directory;
};

const base64 = (file: string): string => Buffer.from(`what ${file} holds`).toString('base64');

test('each node has a PKCS#12 file, or a certificate and a key, with the password beside them or one for all', async () => {
  const directory = await directoryWith(
    'us-1.p12',
    'us-1.password',
    'us-2.pem',
    'us-2.key',
    'ca.crt',
    'README.md',
    'all',
  );
  expect(await givenFiles(directory, {})).toEqual([
    { name: 'us-1', certificate: base64('us-1.p12'), passphrase: 'what us-1.password holds' },
    { name: 'us-2', certificate: base64('us-2.pem'), key: base64('us-2.key') },
  ]);
  const passphraseFile = join(directory, 'all');
  expect((await givenFiles(directory, { passphraseFile })).map(({ passphrase }) => passphrase)).toEqual(
    Array(2).fill('what all holds'),
  );
});

test('of one node alone, also where its name is no name of files', async () => {
  const directory = await directoryWith('us-1.p12', 'n--de.p12', 'us.2.crt', 'us.2.key');
  const names = async (node: string) => (await givenFiles(directory, { node })).map(({ name }) => name);
  expect(await names('us.2')).toEqual(['us.2']);
  expect(await names('n()de')).toEqual(['n--de']);
});

test.each<[string, readonly string[], RegExp]>([
  ['nothing', ['ca.crt', 'notes.txt'], /holds no certificate\./],
  ['a certificate without its key', ['us-1.crt'], /holds us-1\.crt and no key for "us-1"/],
  ['a key without its certificate', ['us-1.key', 'us-2.p12'], /holds us-1\.key and no certificate for "us-1"/],
  ['both forms', ['us-1.crt', 'us-1.p12'], /holds both us-1\.p12 and us-1\.crt/],
  ['two certificates of a node', ['us-1.crt', 'us-1.pem', 'us-1.key'], /holds both us-1\.crt and us-1\.pem/],
])('refused: %s', async (_, files, sentence) => {
  await expect(givenFiles(await directoryWith(...files), {})).rejects.toThrow(sentence);
});

test('refused: a directory that is not there, a node without files, a passphrase from stdin', async () => {
  const directory = await directoryWith('us-1.p12');
  await expect(givenFiles(join(directory, 'none'), {})).rejects.toThrow(/cannot be read/);
  await expect(givenFiles(directory, { node: 'us-2' })).rejects.toThrow(/holds no certificate for node us-2/);
  await expect(givenFiles(directory, { passphraseFile: '-' })).rejects.toThrow(/--passphrase-file - is read once/);
});
