import type { RefusalCase } from './runner.ts';
import { changed, nodeOf } from './world.ts';

/** What clusters have to be. */
export const refusedClusters: RefusalCase[] = [
  {
    name: 'security is off: nothing else is said of that cluster',
    world: changed((made) => {
      Object.assign(made.remote, {
        security: 'off',
        apiKeyService: 'off',
        license: { type: 'unknown', active: false },
      });
    }),
    code: 'preflight-failed',
    check: 'security-on',
    says: 'Security is off on cluster us: set xpack.security.enabled: true',
  },
  {
    name: 'the API key service of the remote cluster is off',
    world: changed((made) => {
      made.remote.apiKeyService = 'off';
    }),
    code: 'preflight-failed',
    check: 'api-key-service-on',
    says: 'The API key service is off on cluster us',
  },
  {
    name: 'a node before 8.14',
    world: changed((made) => {
      nodeOf(made.local, 'eu-1').version = '8.13.4';
    }),
    code: 'preflight-failed',
    check: 'versions',
    says: 'Node eu-1 of cluster eu is 8.13.4: API keys between clusters need 8.14 or later',
  },
  {
    name: 'a cluster in the middle of an upgrade',
    world: changed((made) => {
      nodeOf(made.remote, 'us-2').version = '9.10.0';
    }),
    code: 'preflight-failed',
    check: 'versions',
    says: 'Cluster us is in the middle of an upgrade (its nodes are 9.5.3 and 9.10.0)',
  },
  {
    name: 'a local cluster that the remote one does not understand',
    world: changed((made) => {
      made.local.version = '8.18.9';
      made.local.minimumWireCompatibility = '7.17.0';
    }),
    code: 'preflight-failed',
    check: 'versions',
    says: 'Cluster eu is 8.18.9, and cluster us (9.5.3) speaks to 8.19.0 or later only: upgrade eu first.',
  },
  {
    name: 'a remote cluster that the local one does not understand',
    world: changed((made) => {
      made.remote.version = '8.15.0';
      made.remote.minimumWireCompatibility = '7.17.0';
    }),
    code: 'preflight-failed',
    check: 'versions',
    says: 'Cluster us is 8.15.0, and cluster eu (9.5.3) speaks to 8.19.0 or later only: upgrade us first.',
  },
  {
    name: 'a basic licence',
    world: changed((made) => {
      made.local.license = { type: 'basic', active: true };
    }),
    code: 'preflight-failed',
    check: 'license',
    says: 'The licence of cluster eu is basic: connections with API keys need an enterprise or trial licence on both sides.',
  },
  {
    name: 'an expired licence',
    world: changed((made) => {
      made.remote.license = { type: 'trial', active: false };
    }),
    code: 'preflight-failed',
    check: 'license',
    says: 'The licence of cluster us is trial and not active',
  },
  {
    name: 'missing privileges',
    world: changed((made) => {
      made.remote.missingPrivileges = ['manage', 'manage_security'];
    }),
    code: 'preflight-failed',
    check: 'privileges',
    says: 'cluster us lacks the cluster privileges manage, manage_security.',
  },
  {
    name: 'a user that may not ask over the alias',
    world: changed((made) => {
      made.local.remoteAliases = ['us-*', 'u.', '?'];
    }),
    code: 'preflight-failed',
    check: 'privileges',
    says: 'cluster eu has no remote_indices for the alias us, so no connection could be proven: give its role remote_indices with clusters ["us"]',
  },
];
