import { RemoraError } from '@remora/shared/errors.ts';
import type { NodeId } from '../plan/steps.ts';
import type { ObserveParts } from './observe-nodes.ts';

/**
 * A certificate in a file that a node's settings name, as `_ssl/certificates` of that node tells it (8.19.21 and 9.5.3 alike). Elasticsearch reads the files
 * anew for each answer, with the passwords that it has: it tells what stands in them now, of keystores and truststores too, and not what it has loaded of them.
 */
export interface ConfiguredCertificate {
  /** As configured. */
  readonly path: string;
  /** Name of the entry in a keystore; null in PEM files. */
  readonly alias: string | null;
  readonly subject: string;
  /** Empty where Elasticsearch does not tell it. */
  readonly issuer: string;
  /** Lower-case hex, as Java writes it: without leading zeros. */
  readonly serial: string;
  /** ISO 8601. */
  readonly notAfter: string;
  readonly hasPrivateKey: boolean;
}

interface Answer {
  readonly path: string;
  readonly alias: string | null;
  readonly subject_dn: string;
  readonly issuer?: string;
  readonly serial_number: string;
  readonly has_private_key: boolean;
  readonly expiry: string;
}

const reasonIn = (body: unknown): string => {
  const reason = (body as { readonly error?: { readonly reason?: unknown } } | null)?.error?.reason;
  return typeof reason === 'string' ? reason : 'it gave no reason';
};

/** Asks a node, through its agent. Throws where there is no answer: the agent's error, or `elasticsearch-error` with Elasticsearch's reason. */
export const configuredCertificates = async (
  parts: Pick<ObserveParts, 'clients' | 'agents'>,
  node: NodeId,
): Promise<ConfiguredCertificate[]> => {
  const { user, password } = await parts.clients.record(node.cluster);
  const input = {
    method: 'GET',
    path: '/_ssl/certificates',
    user,
    password: { $secret: password },
    timeoutMs: 10_000,
  } as const;
  const { status, body } = await parts.agents.read(node, 'request', input, { timeoutMs: 20_000 });
  if (status !== 200)
    throw new RemoraError('elasticsearch-error', `GET /_ssl/certificates answered ${status}: ${reasonIn(body)}.`);
  return (body as readonly Answer[]).map((one) => ({
    ...{ path: one.path, alias: one.alias, subject: one.subject_dn, issuer: one.issuer ?? '' },
    ...{ serial: one.serial_number.toLowerCase(), notAfter: new Date(one.expiry).toISOString() },
    hasPrivateKey: one.has_private_key,
  }));
};
