import { join } from 'node:path';
import type { Version } from './versions.ts';

/** Where a node lives: plain data, so that another process can take up a running cluster. */
export interface NodePlace {
  name: string;
  /** holds config/, data/, logs/, out.log, pid, starts and the scripts start and stop; no spaces in it */
  directory: string;
  /** an ES_HOME as far as an agent needs one: bin/elasticsearch-keystore */
  home: string;
  host: string;
  scheme: 'http' | 'https';
  httpPort: number;
  transportPort: number;
  remoteClusterPort: number;
  /** network namespace in which the node runs */
  netns?: string;
  /** file with the password of a protected keystore */
  passphraseFile?: string;
}

/** Where a cluster lives. Its directory has a folder for each node, and a file `owned` as long as its owner lives. */
export interface ClusterPlace {
  name: string;
  version: Version;
  backing: 'maven' | 'docker';
  directory: string;
  /** users and transport TLS are on */
  security: boolean;
  user: string;
  password: string;
  /** PEM of the authority that signed the nodes' transport and HTTP certificates */
  caPath: string;
  nodes: NodePlace[];
}

export const configDirectory = (node: NodePlace): string => join(node.directory, 'config');

/** What there is besides configuration to making, starting and watching a node. */
export interface Backing {
  /** Makes the cluster's ES_HOME at `home`. */
  makeHome(home: string, version: Version): Promise<void>;
  /** Writes the executable scripts `start` and `stop` into the node's directory; its configuration is complete. */
  writeScripts(node: NodePlace, version: Version): Promise<void>;
  /** Starts the node as its start script does, whether it ran before or never. */
  start(node: NodePlace, version: Version): Promise<void>;
  pid(node: NodePlace): number | undefined;
  /** Everything that the node printed since it was made. */
  log(node: NodePlace): string;
}
