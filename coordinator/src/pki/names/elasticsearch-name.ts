import { X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { childrenOf, contentOf, fromDer, toDer } from './der.ts';

type Value = forge.asn1.Asn1;

/** The attributes that RFC 2253 names (section 2.3); Java writes the others as numbers. */
const keywords: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
};

/** Tags of the strings that Java reads, and how their bytes are; BMPString is read by node-forge already. */
const UTF8 = 12;
const BMP = 30;
const texts = [UTF8, 19, 20, 22, 27, BMP];

const textOf = (value: Value): string => {
  const content = contentOf(value);
  return Number(value.type) === UTF8 ? Buffer.from(content, 'latin1').toString('utf8') : content;
};

const escaped = (text: string): string =>
  text
    .replace(/[,=+<>#;"\\]/g, '\\$&')
    .replaceAll('\0', '\\00')
    .replace(/^[ \r]+|[ \r]+$/g, (blanks) => blanks.replace(/./gs, '\\$&'));

const attribute = (pair: Value): string => {
  const [name, value] = childrenOf(pair);
  if (name === undefined || value === undefined) return '';
  const id = forge.asn1.derToOid(contentOf(name));
  const keyword = keywords[id];
  return keyword === undefined || !texts.includes(Number(value.type))
    ? `${keyword ?? id}=#${toDer(value).toString('hex')}`
    : `${keyword}=${escaped(textOf(value))}`;
};

/** Place of the subject in a TBSCertificate (RFC 5280, section 4.1), behind the version, which old certificates leave out. */
const SUBJECT = 5;

/**
 * The subject of a certificate (PEM) as Elasticsearch compares it with `certificate_identity`: in the form of RFC 2253 as Java writes it
 * (`X500Principal.getName("RFC2253")`), with `=` and `#` escaped everywhere and attributes that RFC 2253 does not name as numbers.
 */
export const elasticsearchName = (certificatePem: string): string => {
  const [tbs] = childrenOf(fromDer(new X509Certificate(certificatePem).raw));
  const fields = childrenOf(tbs);
  const hasVersion = fields[0]?.tagClass === forge.asn1.Class.CONTEXT_SPECIFIC;
  return childrenOf(fields[hasVersion ? SUBJECT : SUBJECT - 1])
    .map((name) => childrenOf(name).map(attribute).join('+'))
    .toReversed()
    .join(',');
};
