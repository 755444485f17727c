import type { SettingsStyle } from './settings-text.ts';
import type { Version } from './versions.ts';

/** What a test wants of a cluster. Everything but the name has a default. */
export interface ClusterOptions {
  /** cluster.name; its nodes are NAME-1, NAME-2, … */
  name: string;
  /** default 1 */
  nodes?: number;
  /** default: the newest that runs on this machine */
  version?: Version;
  /** default https */
  http?: 'https' | 'http';
  /** lines that are added to every elasticsearch.yml as they are */
  settings?: readonly string[];
  /** how the rest of elasticsearch.yml is written; default flat */
  style?: SettingsStyle;
  /** node.roles of each node, by its index; a node without an entry has all roles */
  roles?: readonly (readonly string[])[];
  /** node.attr.* of each node, by its index */
  attributes?: readonly Readonly<Record<string, string>>[];
  /** default trial, which has the remote cluster features */
  licence?: 'trial' | 'basic';
  /** protects the keystores */
  keystorePassword?: string;
  /** in every node's keystore besides bootstrap.password, from the start */
  keystoreEntries?: Readonly<Record<string, string>>;
  /** address the nodes bind and publish; default: Elasticsearch's own, 127.0.0.1 */
  host?: string;
  /** runs the nodes inside this network namespace, which exists and has `host` */
  netns?: string;
  /** default true: users, transport TLS; false: none of it, and plain HTTP */
  security?: boolean;
  /** default true: writes remote_cluster.port, since the nodes share one host */
  remoteClusterPort?: boolean;
}
