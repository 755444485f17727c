import { connect, type PeerCertificate } from 'node:tls';

export interface TrustProblem {
  /** Subject and issuer of the certificate that was served. */
  readonly subject: string;
  readonly issuer: string;
  readonly reason: string;
}

const nameOf = (name: PeerCertificate['subject'] | undefined): string =>
  Object.entries(name ?? {})
    .map(([key, value]) => `${key}=${String(value)}`)
    .reverse()
    .join(',');

/**
 * Looks at the certificate that an https URL serves, trusting `caPem` or the system's CAs. Answers null when it is trusted or when no TLS connection
 * comes about at all (the caller's own request tells that better).
 */
export const trustProblem = (url: string, caPem: string | null, timeoutMs = 5000): Promise<TrustProblem | null> =>
  new Promise((resolve) => {
    const { hostname, port, protocol } = new URL(url);
    if (protocol !== 'https:') return resolve(null);
    const host = hostname.replace(/^\[|\]$/g, '');
    const options = {
      host,
      port: Number(port || 443),
      servername: /[a-z]/i.test(host) && !host.includes(':') ? host : '',
      rejectUnauthorized: false,
    };
    const socket = connect(caPem === null ? options : { ...options, ca: caPem }, () => {
      const certificate = socket.getPeerCertificate();
      const reason = socket.authorized ? '' : String(socket.authorizationError);
      socket.destroy();
      resolve(
        reason === '' ? null : { subject: nameOf(certificate.subject), issuer: nameOf(certificate.issuer), reason },
      );
    });
    socket.setTimeout(timeoutMs, () => socket.destroy());
    socket.on('error', () => resolve(null));
    socket.on('close', () => resolve(null));
  });
