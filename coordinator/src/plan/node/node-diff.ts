import type { CertificateFacts } from '@remora/shared/model/certificates/certificate.ts';
import type { NodeFacts } from '@remora/shared/model/node-facts.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import { describedCertificate } from '../certificates/certificate-diff.ts';

/** Begins the part of a node's diff that lists settings of elasticsearch.yml; it reaches to the next line that is indented no further than this one. */
const SETTINGS = '~ elasticsearch.yml';

/** A file that is placed, as people see it. */
export interface FileDiff {
  readonly path: string;
  /** What the file is. */
  readonly what: string;
  /** SHA-256 of the bytes that it will have; null when they are made by the run, or known to the store alone. */
  readonly digest: string | null;
}

const digestLine = (sign: '-' | '+', digest: string): string => `${sign}   SHA-256 ${digest}`;

/** A file as added or changed, with its digests, and the certificates that stand in it now. */
export const fileDiff = (facts: NodeFacts, { path, what, digest }: FileDiff): string[] => {
  const found = facts.files.find((file) => file.path === path);
  const before = found?.digest ?? null;
  return [
    `${before === null ? '+' : '~'} file ${path}: ${what}`,
    ...(before === null ? [] : [digestLine('-', before)]),
    ...(found?.certificates ?? []).map((certificate) => `-   holds ${describedCertificate(certificate)}`),
    ...(found?.trustedNames ?? []).map((pattern) => `-   lets in ${pattern}`),
    digest === null ? '+   SHA-256 known once the run has it' : digestLine('+', digest),
  ];
};

/** The patterns of names that a file with trust restrictions will have. */
export const trustedNames = (patterns: readonly string[]): string[] =>
  patterns.map((pattern) => `+   lets in ${pattern}`);

/** The certificates that a bundle will hold. */
export const heldCertificates = (certificates: readonly (CertificateFacts | string)[]): string[] =>
  certificates.map((one) => `+   holds ${typeof one === 'string' ? one : describedCertificate(one)}`);

const formatValue = (value: SettingValue | null): string =>
  value === null
    ? ''
    : Array.isArray(value)
      ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]`
      : String(value);

/** The settings that become different, by name: what is known without the text of the file. */
export const settingsDiff = (
  facts: NodeFacts,
  settings: readonly (readonly [string, SettingValue])[],
  removed: readonly string[],
): string[] => {
  if (settings.length + removed.length === 0) return [];
  const lines = settings.flatMap(([name, value]) => {
    const old = facts.settingsFile.values[name];
    const added = `+   ${name}: ${formatValue(value)}`;
    return old === undefined ? [added] : [`-   ${name}: ${formatValue(old)}`, added];
  });
  const gone = removed.map((name) => `-   ${name}: ${formatValue(facts.settingsFile.values[name] ?? null)}`);
  return [SETTINGS, ...gone, ...lines];
};

/** The same diff with the file's own text in the place of the list of settings. */
export const withSettingsDiff = (diff: string, unified: string): string => {
  const lines = diff.split('\n');
  const start = lines.indexOf(SETTINGS);
  if (start < 0 || unified === '') return diff;
  const length = lines.slice(start + 1).findIndex((line) => !/^[+-] {3}/.test(line));
  const end = length < 0 ? lines.length : start + 1 + length;
  return [...lines.slice(0, start), unified, ...lines.slice(end)].join('\n');
};

/** Entries of the keystore by reference: new ones, changed ones, and those that stay beside them. */
export const keystoreDiff = (
  facts: NodeFacts,
  wanted: Readonly<Record<string, string>>,
  changed: readonly (readonly [string, string])[],
): string[] =>
  Object.entries(wanted).flatMap(([name, reference]) => {
    const entry = facts.keystore.entries?.find((one) => one.name === name);
    if (!changed.some(([other]) => other === name)) return [`  keystore ${name} = ${reference} (unchanged)`];
    const was = entry && `- keystore ${name} = ${entry.reference ?? 'a value that Remora did not write'}`;
    return [...(was ? [was] : []), `+ keystore ${name} = ${reference}${was ? ' (changed)' : ' (new)'}`];
  });
