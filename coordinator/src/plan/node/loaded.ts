import { type SettingValue, sameSettingValue } from '@remora/shared/settings.ts';
import type { NodeObservation } from '../facts.ts';

/**
 * Whether the running process has what the files say. A file that was written before a crash and never loaded is not in place.
 *
 * Elasticsearch shows the settings of the process in `_nodes/settings`, but filters those of security that hold paths of keys and certificates. For these
 * `_ssl/certificates` of the node is the evidence: it lists the files that were loaded, by the path as configured. Where neither tells, a process that
 * started after the file was last written has read it.
 */
export const isSettingLoaded = (node: NodeObservation, name: string, value: SettingValue): boolean => {
  const shown = node.settings[name];
  // A placeholder like ${HOSTNAME} is shown as what it became.
  if (shown !== undefined) return hasPlaceholder(value) || sameSettingValue(shown, value);
  if (!name.startsWith('xpack.')) return false;
  // A path with a placeholder is listed as what it became, so only the others can be compared.
  const paths = [value]
    .flat()
    .map(String)
    .filter((path) => !hasPlaceholder(path));
  if (isPath(name) && node.loadedCertificates && paths.length > 0)
    return paths.every((path) => node.loadedCertificates?.some((loaded) => isSamePath(loaded, path, node)));
  const written = node.agent.state === 'online' ? node.agent.facts.settingsFile.modifiedAtMs : null;
  return startedAfter(node, written);
};

/** Whether a secure setting that is read at start only was written before this process started. */
export const isSecureSettingLoaded = (node: NodeObservation, writtenAtMs: number | null): boolean =>
  startedAfter(node, writtenAtMs);

/** Whether Elasticsearch puts something of the environment in its place when it reads the file. */
export const hasPlaceholder = (value: SettingValue): boolean => String(value).includes('${');

/** Trust restrictions are a path too, of which nothing is told. */
const isPath = (name: string): boolean =>
  /\.(path|certificate|key|certificate_authorities)$/.test(name) && !name.endsWith('.trust_restrictions.path');

/** Whether a path that Elasticsearch tells is one that the node's settings name. */
export const isSamePath = (loaded: string, configured: string, node: NodeObservation): boolean => {
  const directory = node.agent.state === 'online' ? node.agent.facts.configDir : '';
  return loaded === configured || loaded === `${directory}/${configured}`;
};

/** Both times are of the node's own clock. */
const startedAfter = (node: NodeObservation, atMs: number | null): boolean => atMs !== null && node.startedAtMs > atMs;
