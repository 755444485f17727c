import { randomUUID } from 'node:crypto';
import type { KeyBundle } from '@remora/shared/model/keys/key-bundle.ts';
import type { KeptKey } from '@remora/shared/model/requests/foreign-connect-request.ts';
import type { CheapBed } from './cheap/bed.ts';
import { connectByHand, secureTransport } from './cheap/by-hand.ts';
import type { Stack } from './stack/stack.ts';

/** What people have at hand when they ask for a change, made ready in the stack; each answers the part of the request that names it. */

const setSecret = (stack: Stack, name: string, value: string): Promise<unknown> =>
  stack.api({ method: 'PUT', path: `/secrets/${name}`, key: randomUUID(), body: { value } });

/** The user to whom a role is given, whose password is kept. */
export const aPassword = async (stack: Stack): Promise<object> => {
  await setSecret(stack, 'ann', 'correct horse battery');
  return { user: { name: 'ann', password: 'secret:ann@1' } };
};

/** What those who run the remote cluster hand over. */
export const aBundle = async (stack: Stack): Promise<object> => {
  const bundle = await stack.api<KeyBundle>({
    ...{ method: 'POST', path: '/api-keys/handed-out/bundle' },
    body: { remote: 'us', for: 'partner', mode: 'sniff' },
  });
  const { id, name, encoded } = bundle.key;
  const kept = await stack.api<KeptKey>({
    ...{ method: 'POST', path: '/connections/foreign/keys', key: randomUUID() },
    body: { local: 'eu', alias: 'theirs', key: encoded },
  });
  const { clusterUuid, version } = bundle.remote;
  return { clusterUuid, version, seeds: bundle.seeds, caPem: bundle.ca, key: { id, name, secret: kept.secret } };
};

/** A deployment in Elastic Cloud that is to trust the CA of the remote cluster, and to connect to it. */
export const aCloud = async (stack: Stack): Promise<object> => {
  const { cloud } = stack.bed;
  if (cloud === null) throw new Error('this bed has no cloud');
  await stack.api({
    ...{ method: 'PUT', path: '/clouds/acme', key: randomUUID() },
    body: { url: cloud.url, apiKey: cloud.apiKey },
  });
  await setSecret(stack, 'cloud-key', Buffer.from('key-id:key-secret').toString('base64'));
  return {
    key: { alias: 'us', secret: 'cloud-key' },
    trust: { name: 'us', wanted: { ca: 'us-remote' } },
  };
};

/** A connection that Remora did not make. */
export const aConnectionByHand = async (stack: Stack): Promise<object> => {
  await connectByHand(stack.bed as CheapBed);
  return {};
};

/** Transport ports with TLS, on which connections by certificate rest. */
export const aSecuredTransport = async (stack: Stack): Promise<object> => {
  await secureTransport(stack.bed as CheapBed);
  return {};
};
