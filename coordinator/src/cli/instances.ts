import { messageOf, RemoraError } from '@remora/shared/errors.ts';
import type { CertificateInstance } from '@remora/shared/model/certificates/issue-request.ts';
import { fileNameOf } from '@remora/shared/model/values/names.ts';
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

/** A list of a thousand nodes has 200 KB. */
const LONGEST = 1024 * 1024;
const FIELDS = ['name', 'filename', 'ip', 'dns', 'cn'];
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

type Refuse = (why: string, hint?: string) => never;

const textOf = (value: unknown, what: string, refuse: Refuse): string => {
  if (isScalar(value) && typeof value.value === 'string') return value.value;
  return refuse(`${what} is no text`);
};

/** A list of texts, or one alone. */
const textsOf = (value: unknown, what: string, refuse: Refuse): string[] => {
  if (value === undefined || value === null || (isScalar(value) && value.value === '')) return [];
  return isSeq(value) ? value.items.map((item) => textOf(item, what, refuse)) : [textOf(value, what, refuse)];
};

const instanceOf = (entry: unknown, index: number, refuse: Refuse): CertificateInstance => {
  if (!isMap(entry)) return refuse(`instance ${index + 1} is no map with a name`);
  const unknown = entry.items.map(({ key }) => String(key)).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined) return refuse(`instance ${index + 1} has "${unknown}"; known are ${FIELDS.join(', ')}`);
  const field = (name: string): unknown => entry.get(name, true);
  if (field('name') === undefined) return refuse(`instance ${index + 1} has no name`);
  const name = textOf(field('name'), `the name of instance ${index + 1}`, refuse);
  if (/^[A-Za-z]+=/.test(name))
    return refuse(`"${name}" is a distinguished name`, 'Give the name alone; it becomes the common name.');
  const file = field('filename') === undefined ? fileNameOf(name) : textOf(field('filename'), `"${name}"`, refuse);
  if (!FILE_NAME.test(file))
    return refuse(`"${file}" cannot be a file name`, 'Give a `filename` of letters, digits, ".", "-" and "_".');
  const list = (key: string): string[] => textsOf(field(key), `${key} of "${name}"`, refuse);
  return {
    name: file,
    commonName: name,
    sans: [...list('dns').map((one) => `DNS:${one}`), ...list('ip').map((one) => `IP:${one}`)],
    otherNames: list('cn'),
  };
};

/**
 * The instances of a file as `elasticsearch-certutil --in` takes it: `instances`, each with a `name`, and with `filename`, `ip`, `dns` and `cn` where wanted.
 * A `cn` stands as a SAN of the type otherName, as there. `source` begins the sentence of an error (`bad-input`).
 */
export const parseInstances = (text: string, source: string): CertificateInstance[] => {
  const refuse: Refuse = (why, hint = 'See "Issuing" in docs/certificates.md for the format.') => {
    throw new RemoraError('bad-input', `${source}: ${why}.`, { hint });
  };
  if (text.length > LONGEST) return refuse(`it is longer than ${LONGEST / 1024} KB`);
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, merge: false, schema: 'failsafe' });
    const [problem] = document.errors;
    if (problem) return refuse(`it is no YAML: ${problem.message.split('\n')[0]?.replace(/:?$/, '') ?? ''}`);
    const list = isMap(document.contents) ? document.contents.get('instances', true) : undefined;
    if (!isSeq(list) || list.items.length === 0) return refuse('it has no list `instances`');
    return list.items.map((entry, index) => instanceOf(entry, index, refuse));
  } catch (error) {
    if (error instanceof RemoraError) throw error;
    return refuse(`it cannot be read: ${messageOf(error)}`);
  }
};
