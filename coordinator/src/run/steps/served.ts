import { RemoraError } from '@remora/shared/errors.ts';
import { parseAddress } from '@remora/shared/model/address.ts';
import { limitOf } from '../../limit.ts';
import { portName } from '../../plan/ssl.ts';
import type { CertificateIssue, TrustingNode } from '../../plan/steps.ts';
import type { StepContext } from '../executor.ts';
import type { StepParts } from './parts.ts';
import { patientRead } from './patient-read.ts';

/** Elasticsearch polls files every 5 s by default (`resource.reload.interval.high`), people may have set more. */
export const LOADED_LIMIT_MS = 120_000;
const PROBE_TIMEOUT_MS = 5000;
/** A handshake may fail by chance where many connect. */
const TRUST_LIMIT_MS = 15_000;

/** Waits until the port serves the certificate with this fingerprint to a client that trusts the CA. */
export const waitUntilServed = async (
  parts: StepParts,
  context: StepContext,
  wish: CertificateIssue,
  address: string,
  fingerprint: string,
): Promise<void> => {
  const ca = await parts.inventory.cas.get(wish.ca);
  const { host, port } = parseAddress(address);
  const limit = limitOf(LOADED_LIMIT_MS);
  for (;;) {
    const probe = await patientRead(
      { parts, context },
      wish,
      'probe',
      { host, port, timeoutMs: PROBE_TIMEOUT_MS, tls: { caPem: ca?.certificatePem ?? '' } },
      PROBE_TIMEOUT_MS * 3,
    );
    if (probe.tls?.trusted && probe.tls.chain[0]?.fingerprint256 === fingerprint) return;
    if (limit.isOver()) {
      const served = probe.tls?.chain[0];
      const seen = served
        ? `it serves ${served.subject} by ${served.issuer} (${probe.tls?.error || served.fingerprint256.slice(0, 16)})`
        : `${probe.tcp}: ${probe.detail}`;
      throw new RemoraError(
        'step-failed',
        `The ${portName[wish.purpose]} of ${wish.node} at ${address} does not serve its new certificate: ${seen}.`,
      );
    }
    await context.sleep(500);
  }
};

/** A handshake from a node that connects there, with exactly the CA files that Elasticsearch uses: living connections tell nothing, they stay open. */
export const refuseUntrusted = async (
  parts: StepParts,
  context: StepContext,
  wish: CertificateIssue,
  address: string,
  fingerprint: string,
  { certificateAuthorities, ...node }: TrustingNode,
): Promise<void> => {
  const { host, port } = parseAddress(address);
  const tls = { certificateAuthorities: [...certificateAuthorities] };
  const input = { host, port, timeoutMs: PROBE_TIMEOUT_MS, tls };
  const limit = limitOf(TRUST_LIMIT_MS);
  for (;;) {
    const probe = await patientRead({ parts, context }, node, 'probe', input, PROBE_TIMEOUT_MS * 3);
    const found = probe.tls?.chain[0]?.fingerprint256;
    if (probe.tls?.trusted && found === fingerprint) return;
    if (limit.isOver()) {
      const why =
        probe.tls === undefined
          ? `it cannot reach ${address} (${probe.tcp}: ${probe.detail})`
          : probe.tls.trusted
            ? `at ${address} it finds another certificate (SHA-256 ${found})`
            : `it does not trust what ${address} serves (${probe.tls.error})`;
      throw new RemoraError(
        'step-failed',
        `Node ${node.node} of cluster ${node.cluster} could connect to ${wish.node} before, and cannot any more: ${why}.`,
      );
    }
    await context.sleep(500);
  }
};
