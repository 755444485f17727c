import type { NodeObservation } from '../facts.ts';
import type { WantedNode } from '../node/node-change.ts';
import { fileSetting, itemsOf } from '../node/nodes.ts';
import { portFiles } from '../node/placed-files.ts';
import { sslPrefix } from '../node/ssl.ts';

/** Names the file by which a node's transport port knows whom it lets in. */
export const RESTRICTIONS = `${sslPrefix.transport}.trust_restrictions.path`;
const FIELDS = `${sslPrefix.transport}.trust_restrictions.x509_fields`;

/** The name that is looked at where nothing else is configured. */
const OTHER_NAME = 'subjectAltName.otherName.commonName';

export const restrictionsFile = portFiles.transport.restrictions;

/** The file that a node's elasticsearch.yml names; undefined where its trust is not restricted. */
export const restrictionsPath = (node: NodeObservation): string | undefined => {
  const value = fileSetting(node, RESTRICTIONS);
  return value === undefined || value === null ? undefined : String(value);
};

/** The fields of certificates that a node's restrictions look at, where the name is not one of them. */
export const otherFields = (node: NodeObservation): readonly string[] => {
  const fields = itemsOf(fileSetting(node, FIELDS));
  return fields.includes(OTHER_NAME) ? [] : fields;
};

/** Patterns of the names that a node lets in; null where they are not known. */
export const standingPatterns = ({ agent }: NodeObservation, path: string): readonly string[] | null =>
  agent.state === 'online' ? (agent.facts.files.find((file) => file.path === path)?.trustedNames ?? null) : null;

const textOf = (patterns: readonly string[]): string =>
  // In quotes: a bare * is no YAML.
  ['trust.subject_name:', ...patterns.map((pattern) => `  - ${JSON.stringify(pattern)}`), ''].join('\n');

/** The file with these patterns and the setting that names it. `hash` is SHA-256 in hex. */
export const wantedRestrictions = (patterns: readonly string[], hash: (text: string) => string): WantedNode => {
  const text = textOf(patterns);
  const digest = hash(text);
  return {
    files: [
      {
        ...{ path: restrictionsFile, what: 'trust restrictions', digest, mode: 0o644, letsIn: patterns },
        content: Buffer.from(text).toString('base64'),
        source: `trust restrictions ${digest.slice(0, 16)}`,
      },
    ],
    settings: { [RESTRICTIONS]: restrictionsFile },
    keystore: {},
    keystorePassword: null,
  };
};
