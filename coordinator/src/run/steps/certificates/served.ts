import { coversAddress } from '@remora/shared/model/certificates/certificate.ts';
import { parseAddress } from '@remora/shared/model/values/address.ts';
import { limitOf } from '../../../limit.ts';
import type { CertificateIssue } from '../../../plan/certificates/certificate-issue.ts';
import { portName } from '../../../plan/node/ssl.ts';
import type { TrustingNode } from '../../../plan/trust/trusting-node.ts';
import type { StepContext } from '../../executor.ts';
import { askUntil } from '../ask-until.ts';
import { loadedLimitMs } from '../cluster/configured.ts';
import { patientRead } from '../node/patient-read.ts';
import type { StepParts } from '../parts.ts';

const PROBE_TIMEOUT_MS = 5000;
/** A handshake may fail by chance where many connect. */
const TRUST_LIMIT_MS = 15_000;

/**
 * The name to ask for where a certificate that was made elsewhere does not cover the address: who is held to a name dials by one that it covers, or finds out at once.
 */
export const serverNameFor = (sans: string[], address: string): string | undefined => {
  if (coversAddress({ sans }, parseAddress(address).host)) return undefined;
  const names = sans.filter((san) => san.startsWith('DNS:')).map((san) => san.slice('DNS:'.length));
  const [ip] = sans.filter((san) => san.startsWith('IP:')).map((san) => san.slice('IP:'.length));
  return (names.find((name) => !name.startsWith('*')) ?? names[0])?.replace('*', 'node') ?? ip;
};

/** How a certificate is asked for. */
interface Asked {
  /** Where it does not cover the address. */
  readonly serverName?: string | undefined;
  /** It is enough that it is served, whoever trusts it. */
  readonly untrusted?: boolean;
}

/** Waits until the port serves the certificate with this fingerprint to a client that trusts the CA. */
export const waitUntilServed = async (
  parts: StepParts,
  context: StepContext,
  wish: CertificateIssue,
  address: string,
  fingerprint: string,
  { serverName, untrusted = false }: Asked = {},
): Promise<void> => {
  const ca = await parts.inventory.cas.get(wish.ca);
  const { host, port } = parseAddress(address);
  const tls = { caPem: ca?.certificatePem ?? '', ...(serverName === undefined ? {} : { serverName }) };
  const input = { host, port, timeoutMs: PROBE_TIMEOUT_MS, tls };
  const ask = async (): Promise<string | null> => {
    const probe = await patientRead({ parts, context }, wish, 'probe', input, PROBE_TIMEOUT_MS * 3);
    const served = probe.tls?.chain[0];
    if ((untrusted || probe.tls?.trusted) && served?.fingerprint256 === fingerprint) return null;
    return served
      ? `it serves ${served.subject} by ${served.issuer} (${probe.tls?.error || served.fingerprint256.slice(0, 16)})`
      : `${probe.tcp}: ${probe.detail}`;
  };
  await askUntil(context, await loadedLimitMs(parts, context, wish), ask, {
    sentence: (why) =>
      `The ${portName[wish.purpose]} of ${wish.node} at ${address} does not serve its new certificate: ${why}.`,
  });
};

/** Waits until the port serves another certificate than this one; null where it does not answer within the time of a handshake. Throws while it still serves it. */
export const waitUntilGone = async (
  parts: StepParts,
  context: StepContext,
  wish: CertificateIssue,
  address: string,
  fingerprint: string,
): Promise<true | null> => {
  const input = { ...parseAddress(address), timeoutMs: PROBE_TIMEOUT_MS, tls: { caPem: '' } };
  const reach = limitOf(TRUST_LIMIT_MS);
  let isGone: true | null = true;
  const ask = async (): Promise<string | null> => {
    const { tls, tcp, detail } = await patientRead({ parts, context }, wish, 'probe', input, PROBE_TIMEOUT_MS * 3);
    const served = tls?.chain[0]?.fingerprint256;
    if (served === fingerprint) return 'it is still served';
    isGone = served === undefined ? null : true;
    return served !== undefined || reach.isOver() ? null : `${tcp}: ${detail}`;
  };
  await askUntil(context, await loadedLimitMs(parts, context, wish), ask, {
    sentence: (why) =>
      `The ${portName[wish.purpose]} of ${wish.node} at ${address} does not serve its earlier certificate: ${why}.`,
  });
  return isGone;
};

/** A handshake from a node that connects there, with exactly the CA files that Elasticsearch uses: living connections tell nothing, they stay open. */
export const refuseUntrusted = async (
  parts: StepParts,
  context: StepContext,
  wish: CertificateIssue,
  address: string,
  fingerprint: string,
  { certificateAuthorities, ...node }: TrustingNode,
  serverName?: string,
): Promise<void> => {
  const { host, port } = parseAddress(address);
  const tls = {
    certificateAuthorities: [...certificateAuthorities],
    ...(serverName === undefined ? {} : { serverName }),
  };
  const input = { host, port, timeoutMs: PROBE_TIMEOUT_MS, tls };
  const ask = async (): Promise<string | null> => {
    const probe = await patientRead({ parts, context }, node, 'probe', input, PROBE_TIMEOUT_MS * 3);
    const found = probe.tls?.chain[0]?.fingerprint256;
    if (probe.tls === undefined) return `it cannot reach ${address} (${probe.tcp}: ${probe.detail})`;
    if (!probe.tls.trusted) return `it does not trust what ${address} serves (${probe.tls.error})`;
    return found === fingerprint ? null : `at ${address} it finds another certificate (SHA-256 ${found})`;
  };
  await askUntil(context, TRUST_LIMIT_MS, ask, {
    sentence: (why) =>
      `Node ${node.node} of cluster ${node.cluster} could connect to ${wish.node} before, and cannot any more: ${why}.`,
  });
};
