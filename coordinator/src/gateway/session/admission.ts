import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { RemoraError } from '@remora/shared/errors.ts';
import type { NodeId } from '../../plan/node/node-id.ts';
import type { CertificateLife } from '../../store/records.ts';

/** An agent whose certificate was accepted, before it said anything. */
export interface Peer {
  readonly node: NodeId;
  /** SHA-256 of its certificate, lower-case hex. */
  readonly fingerprint: string;
  readonly life: CertificateLife;
  /** SHA-256 of the fleet CA that signed its certificate. */
  readonly issuer: string;
  /** Its address, for logs. */
  readonly address: string;
}

/** SHA-256 of a certificate's DER as the store keeps it: lower-case hex without colons. */
export const fingerprintOf = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase();

export const lifeOf = ({ validFromDate, validToDate }: X509Certificate): CertificateLife => ({
  notBefore: validFromDate.toISOString(),
  notAfter: validToDate.toISOString(),
});

/** `CLUSTER/NODE`; neither name contains a slash. */
const parseNodeKey = (key: string): NodeId => {
  const [cluster = '', node = ''] = key.split('/');
  return { cluster, node };
};

const refuse = (message: string): never => {
  throw new RemoraError('not-allowed', message, {
    hint: 'Join the agent again: `remora tokens create`, then `remora agent join` on that node.',
  });
};

/** The certificate that a peer showed, in DER. Node answers null, whatever its types say, for a socket that is destroyed. */
const shownBy = (socket: TLSSocket): Buffer | undefined =>
  (socket.getPeerCertificate() as { readonly raw?: Buffer } | null)?.raw;

/** The fleet CA whose word a certificate is: what else the server may trust does not count. */
const signerOf = (certificate: X509Certificate, fleetCas: readonly X509Certificate[]): X509Certificate | undefined =>
  fleetCas.find((ca) => certificate.checkIssued(ca) && certificate.verify(ca.publicKey));

/** `CLUSTER/NODE` that a fleet CA once issued the peer's certificate for; null for whoever else dials. */
export const issuedFor = (socket: TLSSocket, fleetCas: readonly X509Certificate[]): string | null => {
  const raw = shownBy(socket);
  if (!raw) return null;
  try {
    const certificate = new X509Certificate(raw);
    return signerOf(certificate, fleetCas) ? (/^CN=(.*)$/m.exec(certificate.subject)?.[1] ?? null) : null;
  } catch {
    return null; // not readable: nothing that the fleet CA issued
  }
};

/** The certificate must be a fleet CA's own word: a resumed TLS session's old verdict does not count. */
const checkCertificate = (socket: TLSSocket, fleetCas: readonly X509Certificate[]) => {
  const raw = shownBy(socket);
  if (!raw) return refuse('The agent showed no client certificate.');
  const certificate = new X509Certificate(raw);
  const signer = signerOf(certificate, fleetCas);
  if (!signer) return refuse("The agent's certificate was issued by another CA than this fleet's.");
  if (Date.parse(certificate.validTo) <= Date.now()) {
    return refuse(`The agent's certificate expired on ${certificate.validTo}.`);
  }
  // Node types this as an Error; OpenSSL's code comes as a string.
  if (!socket.authorized) return refuse(`The agent's certificate is not valid: ${String(socket.authorizationError)}.`);
  return { certificate, issuer: fingerprintOf(signer) };
};

/**
 * Decides whether a TLS peer may open a session: a certificate of the fleet CA, within its dates, whose fingerprint is registered for a node
 * (`nodes remove` and a new join take the old one away). Throws `not-allowed`.
 */
export const admit = async (
  socket: TLSSocket,
  parts: {
    readonly fleetCas: readonly X509Certificate[];
    readonly nodeOf: (fingerprint: string) => Promise<string | null>;
  },
): Promise<Peer> => {
  const { certificate, issuer } = checkCertificate(socket, parts.fleetCas);
  const fingerprint = fingerprintOf(certificate);
  const key = await parts.nodeOf(fingerprint);
  if (key === null) return refuse("The agent's certificate was revoked, or belongs to a store that is gone.");
  return { node: parseNodeKey(key), fingerprint, life: lifeOf(certificate), issuer, address: peerAddress(socket) };
};

/** Without the port. */
export const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'));

export const peerAddress = (socket: TLSSocket): string =>
  `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
