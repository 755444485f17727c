import { X509Certificate } from 'node:crypto';
import { isSignedBy } from './read/judge.ts';

/** A chain that is longer is not looked at further. */
const MOST_ISSUERS = 8;

/**
 * By which of the certificates that somebody trusts a chain is trusted, the nearest to the port first; each of them is enough. As Java does it, each of them is the end
 * of a chain, be it a root or not. All are PEM, the chain with the certificate of the port first.
 */
export const anchorsOfChain = (chain: readonly string[], trusted: readonly string[]): string[] => {
  const [first, ...issuers] = chain.map((pem) => new X509Certificate(pem));
  const anchors = trusted.map((pem) => ({ pem, certificate: new X509Certificate(pem) }));
  const found = new Set<string>();
  let current = first;
  for (let i = 0; current !== undefined && i < MOST_ISSUERS; i += 1) {
    const { fingerprint256 } = current;
    const own = current;
    for (const { pem, certificate } of anchors)
      if (certificate.fingerprint256 === fingerprint256 || isSignedBy(own, certificate)) found.add(pem);
    current = issuers.find((one) => one.fingerprint256 !== fingerprint256 && isSignedBy(own, one));
  }
  return [...found];
};
