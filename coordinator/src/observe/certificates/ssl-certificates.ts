import { RemoraError } from '@remora/shared/errors.ts';
import type { OperationInput, OperationResult } from '@remora/shared/operations.ts';
import type { ClusterClients } from '../../elasticsearch/clusters.ts';
import { bareSerial } from '../../plan/certificates/serial.ts';
import type { NodeId } from '../../plan/node/node-id.ts';
import type { ObserveParts } from '../observe-nodes.ts';

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
  /** As `bareSerial` writes it. */
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

/** What a node answered. */
export interface ConfiguredAnswer {
  readonly status: number;
  /** Elasticsearch's, where the status is not 200; then there are no certificates. */
  readonly reason: string;
  readonly certificates: readonly ConfiguredCertificate[];
}

type Ask = (input: OperationInput<'request'>, timeoutMs: number) => Promise<OperationResult<'request'>>;

const REQUEST_TIMEOUT_MS = 10_000;

/** Asks a node of a cluster by what `ask` sends to its agent. Throws what that throws. */
export const askConfigured = async (
  clients: Pick<ClusterClients, 'record'>,
  cluster: string,
  ask: Ask,
): Promise<ConfiguredAnswer> => {
  const { user, password } = await clients.record(cluster);
  const as = { user, password: { $secret: password }, timeoutMs: REQUEST_TIMEOUT_MS };
  const { status, body } = await ask({ method: 'GET', path: '/_ssl/certificates', ...as }, REQUEST_TIMEOUT_MS * 2);
  if (status !== 200) return { status, reason: reasonIn(body), certificates: [] };
  const certificates = (body as readonly Answer[]).map((one) => ({
    ...{ path: one.path, alias: one.alias, subject: one.subject_dn, issuer: one.issuer ?? '' },
    ...{ serial: bareSerial(one.serial_number), notAfter: new Date(one.expiry).toISOString() },
    hasPrivateKey: one.has_private_key,
  }));
  return { status, reason: '', certificates };
};

/** The same, asked once. Throws where there is no answer: the agent's error, or `elasticsearch-error` with Elasticsearch's reason. */
export const configuredCertificates = async (
  { clients, agents }: Pick<ObserveParts, 'clients' | 'agents'>,
  node: NodeId,
): Promise<readonly ConfiguredCertificate[]> => {
  const { status, reason, certificates } = await askConfigured(clients, node.cluster, (input, timeoutMs) =>
    agents.read(node, 'request', input, { timeoutMs }),
  );
  if (status === 200) return certificates;
  throw new RemoraError('elasticsearch-error', `GET /_ssl/certificates answered ${status}: ${reason}.`);
};
