import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { isLoopback } from '../values/address.ts';
import { parseClusterName } from '../values/names.ts';

/** Elastic Cloud Hosted. An Elastic Cloud Enterprise installation has an address of its own. */
export const CLOUD_URL = 'https://api.elastic-cloud.com';

/** How an organization's deployments in Elastic Cloud are reached. */
export const CloudInput = Type.Object(
  {
    /** Origin of its API; absent: Elastic Cloud Hosted. */
    url: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
    apiKey: Type.String({ minLength: 1, maxLength: 4096 }),
    /** PEM text of the CAs that its certificate is trusted by; absent: the system's. */
    caPem: Type.Optional(Type.String({ minLength: 1, maxLength: 256 * 1024 })),
  },
  { additionalProperties: false },
);
export type CloudInput = Static<typeof CloudInput>;

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const CloudView = Type.Object({
  name: Type.String(),
  url: Type.String(),
  /** Reference of its API key. */
  apiKey: Type.String(),
  /** ISO 8601. */
  addedAt: Type.String(),
  /** Null where it did not answer: `error` says why. */
  deployments: Nullable(Type.Array(Type.Object({ id: Type.String(), name: Type.String() }))),
  error: Nullable(Type.String()),
});
export type CloudView = Static<typeof CloudView>;

export const DeploymentView = Type.Object({
  cloud: Type.String(),
  id: Type.String(),
  name: Type.String(),
  region: Type.String(),
  healthy: Type.Boolean(),
  version: Nullable(Type.String()),
  /** Its Elasticsearch API. */
  endpoint: Nullable(Type.String()),
  /** By which names of its nodes are made. */
  clusterId: Type.String(),
  /** Aliases for which its keystore has a cross-cluster API key. */
  keys: Type.Array(Type.String()),
  /** Names of the trust relationships whose CA stands in them. */
  trusts: Type.Array(Type.String()),
  /** Clusters whose nodes trust its CA and let in its nodes, as `trust-restrictions set` has it on record. */
  trustedBy: Type.Array(Type.String()),
  /** The CA of its transport ports, PEM: the one in use first. */
  authorities: Type.Array(Type.String()),
  /** The pattern that its nodes' names match, for `trust-restrictions set`. */
  restriction: Type.String(),
});
export type DeploymentView = Static<typeof DeploymentView>;

/** The origin under which a cloud's API is asked. Throws `bad-input` that names what is wrong. */
export const cloudUrl = (text: string): string => {
  const refuse = (why: string): never => {
    throw new RemoraError('bad-input', `--url ${text}: ${why}.`, { hint: `Like ${CLOUD_URL}.` });
  };
  if (!URL.canParse(text)) return refuse('that is not a URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return refuse('give the API key with --api-key-file');
  if (!['', '/'].includes(url.pathname) || url.search !== '')
    return refuse('give the address alone, without path: the API is at /api/v1 there');
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
  return isSafe ? url.origin : refuse('beyond this machine the API key goes over https only');
};

/** Throws `bad-input` that names what is wrong; a key is never quoted. */
export const checkCloudInput = (name: string, { url = CLOUD_URL, apiKey }: CloudInput): void => {
  parseClusterName(name);
  cloudUrl(url);
  if (!/^[!-~]+$/.test(apiKey))
    throw new RemoraError('bad-input', 'The API key has blanks or other characters that none has: give the key alone.');
};
