import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { ClusterState } from './state.ts';

/** The certificate that was shown, as long as one of the CAs whose signatures the cluster takes has signed it. */
const signedBy = (socket: TLSSocket, { persistent }: ClusterState, configDir: string): X509Certificate | null => {
  const shown = socket.getPeerX509Certificate();
  const bundle = join(configDir, String(persistent['cluster.remote.signing.certificate_authorities']));
  if (shown === undefined || !existsSync(bundle)) return null;
  const cas = readFileSync(bundle, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return cas.some((pem) => shown.verify(new X509Certificate(pem).publicKey)) ? shown : null;
};

/** Why a request over a connection is refused, in Elasticsearch's words as far as somebody reads them; empty where it is not. */
export const refusalOf = (state: ClusterState, configDir: string, { headers, socket }: IncomingMessage): string => {
  const encoded = (headers.authorization ?? '').replace('ApiKey ', '');
  const [id, secret] = Buffer.from(encoded, 'base64').toString().split(':');
  const key = state.keys.find((one) => one.id === id && one.secret === secret);
  if (key === undefined) return `unable to authenticate [${id}]`;
  if (key.invalidated) return `api key [${id}] has been invalidated`;
  const { certificate_identity: identity } = key;
  if (identity === null) return '';
  const signer = signedBy(socket as TLSSocket, state, configDir);
  // As RFC 2253 writes it: the last part first.
  const subject = signer?.subject.split('\n').reverse().join(',');
  const demand = `API key (type:[cross_cluster], id:[${id}]) requires certificate identity matching [${identity}]`;
  if (subject === undefined) return `${demand}, but no certificate was provided`;
  return new RegExp(`^(?:${identity})$`).test(subject) ? '' : `${demand}, but the subject is [${subject}]`;
};
