import type { NodeObservation } from '../facts.ts';
import type { Finding } from '../node/agent-findings.ts';
import { hasPlaceholder } from '../node/loaded.ts';
import { fileSetting, itemsOf } from '../node/nodes.ts';
import { keyPassphraseNames, latestPassphrase } from '../node/secret-names.ts';
import { type ServingPurpose, sslPrefix } from '../node/ssl.ts';
import type { PemKey } from './certificate-issue.ts';

/** The files in which a port's certificate and key stand as PEM, relative to the node's configuration directory. */
export interface PemFiles {
  readonly certificate: string;
  readonly key: string;
}

/** A pair that Remora can replace. */
export interface PemPlace extends PemFiles, Pick<PemKey, 'passphraseSecret'> {}

const namedFile = (node: NodeObservation, purpose: ServingPurpose, name: keyof PemFiles): string =>
  String(fileSetting(node, `${sslPrefix[purpose]}.${name}`) ?? '');

/** Whether elasticsearch.yml names PEM files for a port. */
export const isPem = (node: NodeObservation, purpose: ServingPurpose): boolean =>
  namedFile(node, purpose, 'certificate') !== '' && namedFile(node, purpose, 'key') !== '';

/** A path as elasticsearch.yml has it, relative to the configuration directory; null where it lies elsewhere, or only Elasticsearch knows where. */
export const belowConfig = (path: string, configDir: string): string | null => {
  const relative = path.startsWith(`${configDir}/`) ? path.slice(configDir.length + 1) : path;
  const parts = relative.split('/').filter((part) => part !== '.');
  return hasPlaceholder(path) || parts.some((part) => part === '' || part === '../..') ? null : parts.join('/');
};

const placeIn = (node: NodeObservation, purpose: ServingPurpose, name: keyof PemFiles): string | null =>
  node.agent.state === 'online' ? belowConfig(namedFile(node, purpose, name), node.agent.facts.configDir) : null;

/** Where the pair of a port stands; null where it has none below the configuration directory. */
const pemFiles = (node: NodeObservation, purpose: ServingPurpose): PemFiles | null => {
  const [certificate, key] = [placeIn(node, purpose, 'certificate'), placeIn(node, purpose, 'key')];
  return certificate === null || key === null ? null : { certificate, key };
};

/** Null also of a key that is none: only one that can be read without a passphrase tells its public half. */
const isEncrypted = ({ agent }: NodeObservation, { key }: PemFiles): boolean =>
  agent.state === 'online' && agent.facts.files.find(({ path }) => path === key)?.publicKeyDigest === null;

const passphraseEntry = (purpose: ServingPurpose): string => `${sslPrefix[purpose]}.secure_key_passphrase`;

interface Secrets {
  readonly cluster: string;
  /** Names and latest versions of the secrets that exist. */
  readonly secretVersions: Readonly<Record<string, number>>;
}

/** The passphrase with which a node's Elasticsearch opens its key, as a reference; null where it is not known here, undefined where the node has none. */
const passphraseOf = (node: NodeObservation, purpose: ServingPurpose, known: Secrets): string | null | undefined => {
  const entries = node.agent.state === 'online' ? (node.agent.facts.keystore.entries ?? []) : [];
  if (!entries.some(({ name }) => name === passphraseEntry(purpose))) return undefined;
  return latestPassphrase({ cluster: known.cluster, node: node.name }, known.secretVersions);
};

/** The pair of a port as it can be replaced, once nothing forbids it. A key that is encrypted stays so, with the passphrase that Elasticsearch has for it. */
export const pemPlace = (node: NodeObservation, purpose: ServingPurpose, known: Secrets): PemPlace | null => {
  const files = isPem(node, purpose) ? pemFiles(node, purpose) : null;
  return (
    files && {
      ...files,
      passphraseSecret: isEncrypted(node, files) ? (passphraseOf(node, purpose, known) ?? null) : null,
    }
  );
};

/** Settings of elasticsearch.yml for TLS, with the paths in their values, as they stand there. */
const sslPaths = ({ agent }: NodeObservation): [string, string[]][] =>
  agent.state === 'online'
    ? Object.entries(agent.facts.settingsFile.values)
        .filter(([name]) => /\.ssl\.(?:.*\.)?(?:path|certificate|key|certificate_authorities)$/.test(name))
        .map(([name, value]) => [name, itemsOf(value).filter((path) => !hasPlaceholder(path))])
    : [];

/** Files that have to be looked at before the pair of a port is replaced: the two, and all others that could be one of them by another name. */
export const pemFilesToRead = (node: NodeObservation, purpose: ServingPurpose): string[] => {
  const files = isPem(node, purpose) ? pemFiles(node, purpose) : null;
  return files === null ? [] : [...Object.values(files), ...sslPaths(node).flatMap(([, paths]) => paths)];
};

/** Whether two paths lead to one file, through symlinks too. */
const isOneFile = ({ agent }: NodeObservation, a: string, b: string): boolean => {
  if (agent.state !== 'online') return false;
  const { files, configDir } = agent.facts;
  const [one, other] = [a, b].map((name) => files.find(({ path }) => path === name)?.realPath);
  const below = belowConfig(a, configDir);
  return (below !== null && below === belowConfig(b, configDir)) || (one !== undefined && one === other);
};

/** Other settings of the node that name one of these files. */
const otherUses = (node: NodeObservation, purpose: ServingPurpose, files: PemFiles): string[] => {
  const own = ['certificate', 'key'].map((name) => `${sslPrefix[purpose]}.${name}`);
  return sslPaths(node)
    .filter(([name]) => !own.includes(name))
    .filter(([, paths]) => paths.some((path) => Object.values(files).some((file) => isOneFile(node, path, file))))
    .map(([name]) => name);
};

/** What forbids to replace the PEM files of a port. */
export const pemFindings = (node: NodeObservation, purpose: ServingPurpose, known: Secrets): Finding[] => {
  const where = `node ${node.name} (cluster ${known.cluster})`;
  const prefix = sslPrefix[purpose];
  const files = pemFiles(node, purpose);
  const instead = '`remora certs place --format pkcs12` gives the port a file of its own';
  if (files === null) {
    const named = (['certificate', 'key'] as const).find((name) => placeIn(node, purpose, name) === null);
    return [
      [
        'conflict',
        `elasticsearch.yml of ${where} names ${named && namedFile(node, purpose, named)} as ${prefix}.${named}, which is no path below its configuration directory: only there files are placed. ${instead}.`,
      ],
    ];
  }
  if (isOneFile(node, files.certificate, files.key))
    return [
      ['conflict', `Certificate and key of ${where} stand in one file, ${files.key}, as ${prefix} has it: ${instead}.`],
    ];
  const [other] = otherUses(node, purpose, files);
  if (other !== undefined)
    return [
      [
        'conflict',
        `${other} of ${where} names a file of ${prefix} too, and would change with it: give each port files of its own in elasticsearch.yml, or ${instead}.`,
      ],
    ];
  if (!isEncrypted(node, files)) return [];
  const passphrase = passphraseOf(node, purpose, known);
  if (passphrase === undefined)
    return [
      [
        'conflict',
        `The key ${files.key} of ${where} cannot be read without a passphrase, and its keystore has no ${passphraseEntry(purpose)}: set the passphrase there in the place of ${prefix}.key_passphrase, or ${instead}.`,
      ],
    ];
  if (passphrase !== null) return [];
  const [, secret] = keyPassphraseNames(known.cluster, node.name);
  return [
    [
      'conflict',
      `The key ${files.key} of ${where} is encrypted, and shall stay so: store its passphrase, which ${passphraseEntry(purpose)} holds, with \`remora secrets set ${secret} --file FILE\`. Or ${instead}.`,
    ],
  ];
};
