import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');

/** Absolute path of a file of the clone. */
export const inClone = (path: string): string => join(root, path);

export const textOf = (path: string): string => readFileSync(inClone(path), 'utf8');

/** The parts of a service that these tests look at. */
export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly dockerfile: string; readonly args: Readonly<Record<string, string>> };
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, null>>;
}

/** docker-compose.yml as an engine takes it when no variable is set: anchors merged, `${NAME:-default}` and `$$` replaced. */
export const composeFile = (): ComposeFile => {
  const text = textOf('docker-compose.yml')
    .replace(/\$\{\w+:-([^}]*)\}/g, '$1')
    .replaceAll('$$', '$');
  return parse(text, { merge: true }) as ComposeFile;
};

export const serviceOf = (name: string): ComposeService => {
  const service = composeFile().services[name];
  if (service === undefined) throw new Error(`docker-compose.yml has no service ${name}.`);
  return service;
};

/** Lines of a script, unit or document as its reader takes them: without comments, continued lines joined. */
export const logicalLines = (text: string): string[] =>
  text
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
