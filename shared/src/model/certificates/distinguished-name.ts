import { RemoraError } from '../../errors.ts';

/** The attributes of a subject that Java writes by these names (RFC 2253, section 2.3); others it writes as numbers. */
export const nameParts = ['CN', 'O', 'OU', 'C', 'L', 'ST', 'DC'] as const;
export type NamePart = (typeof nameParts)[number];

/** A subject as RFC 2253 writes it, the last of its attributes first: `CN=signer,O=x` of a certificate that OpenSSL shows as `/O=x/CN=signer`. */
export type DistinguishedNameParts = readonly { readonly part: NamePart; readonly value: string }[];

const refuse = (text: string, why: string): never => {
  throw new RemoraError('bad-input', `"${text}" is not the subject of a signing certificate: ${why}.`, {
    hint: 'Write it as RFC 2253 does, the common name first: CN=eu-signer,O=Example,C=US.',
  });
};

/** What both Java and OpenSSL write as it is: no escapes are needed, so that what is read is what the remote cluster compares. */
const PLAIN_VALUE = /^[A-Za-z0-9_.:@/()*?'-]+( +[A-Za-z0-9_.:@/()*?'-]+)*$/;

const parseAttribute = (text: string, attribute: string): DistinguishedNameParts[number] => {
  const at = attribute.indexOf('=');
  const [name, value] = [attribute.slice(0, Math.max(at, 0)), attribute.slice(at + 1)];
  const part = nameParts.find((one) => one === name);
  if (part === undefined)
    return refuse(text, `"${attribute}" begins with none of ${nameParts.map((one) => `${one}=`).join(', ')}`);
  if (!PLAIN_VALUE.test(value) || value.length > 200)
    return refuse(
      text,
      `"${value}" has characters that would have to be escaped; letters, digits, single blanks in between and _.:@/()*?'- will do`,
    );
  if (part === 'C' && !/^[A-Z]{2}$/.test(value))
    return refuse(text, `the country "${value}" is not two capital letters`);
  return { part, value };
};

/** Reads a subject as RFC 2253 writes it; throws `bad-input` for one that could be written in another way too. */
export const parseSubject = (text: string): DistinguishedNameParts => {
  const parts = text.split(',').map((attribute) => parseAttribute(text, attribute));
  if (parts.filter(({ part }) => part === 'CN').length !== 1)
    return refuse(text, 'it needs exactly one common name (CN=)');
  return parts;
};

/** Whether `parseSubject` takes it. */
export const isSubject = (text: string): boolean => {
  try {
    parseSubject(text);
    return true;
  } catch {
    return false;
  }
};
