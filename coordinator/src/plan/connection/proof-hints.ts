import type { NodeProof } from '@remora/shared/model/inventory.ts';

/** The local cluster says this before anything is sent: that is about the user, not about the connection. */
const refusedHere = /no remote indices privileges apply/i;

/**
 * What the texts of Elasticsearch mean, from tries on 8.19.21 and 9.5.3. The first rule that matches counts; a text that matches none is shown as it is.
 */
const rules: readonly { readonly pattern: RegExp; readonly hint: string }[] = [
  {
    pattern: /api key .*has been invalidated/i,
    hint: 'The key was invalidated on the remote cluster: `remora api-keys rotate LOCAL ALIAS` gives the connection another.',
  },
  {
    pattern: /api key is expired/i,
    hint: 'The key has expired: `remora api-keys rotate LOCAL ALIAS` gives the connection another.',
  },
  {
    pattern: /unable to authenticate user \[[^\]]*\]/i,
    hint: 'The remote cluster does not know this key: `remora api-keys rotate LOCAL ALIAS` gives the connection another.',
  },
  {
    pattern: /non-compliant for \[advanced-remote-cluster-security\]/i,
    hint: 'The licence of one side lacks the feature: it needs an enterprise or trial licence on both.',
  },
  {
    pattern: /require transport header \[_cross_cluster_access_credentials\]/i,
    hint: 'The node sent no key: its keystore entry was not loaded. Run connect again, which reloads it.',
  },
  {
    pattern: /authentication expected API key type of \[cross_cluster\]/i,
    hint: 'The keystore holds a key of another type: run connect again.',
  },
  {
    pattern: /failed to verify cross cluster api key signature certificate/i,
    hint: 'The remote cluster does not trust the certificate with which this node signs, it has ended, or its algorithm is not known there; Elasticsearch says the same of all: `remora certs list` shows when it ends, and the CA that signed it has to be in the file of cluster.remote.signing.certificate_authorities there. Run connect again, which writes both.',
  },
  {
    pattern: /invalid cross cluster api key signature/i,
    hint: 'The signature does not fit: the key in the file with which this node signs does not belong to its certificate, or something between the clusters changed the request. Run connect again, which places the file anew where it is not the one of Remora.',
  },
  {
    pattern: /cannot verify signed cross-cluster headers/i,
    hint: 'The remote cluster has no CA by which it could take a signature: cluster.remote.signing.certificate_authorities is not set there, or its file holds none. Run connect again, which writes both.',
  },
  {
    pattern: /signature does not contain any certificates|failed to extract credentials from headers/i,
    hint: 'The remote cluster cannot read the signature that this node sent: look whether both clusters have a version that knows the same signatures, and whether something between them changes requests.',
  },
  {
    pattern: /failed to sign cross cluster headers|unsupported key (?:type|algorithm)|cannot find a signing key/i,
    hint: 'This node cannot sign with the key in its file: it has to be one RSA or EC key. The log of the node says why; connect again places a file that works.',
  },
  {
    pattern: /does not match API key certificate identity pattern/i,
    hint: "The subject of this node's signing certificate is another than the key demands: compare it with the certificate_identity of the key.",
  },
  {
    pattern: /certificate identity/i,
    hint: 'The key demands a signature (strong identity verification) that this node does not send.',
  },
  {
    pattern: /no such remote cluster|no_such_remote_cluster/i,
    hint: 'The alias is not registered on this node: run connect again.',
  },
  {
    pattern: refusedHere,
    hint: 'That was refused before anything was sent, so it says nothing of the connection: the user that Remora has for the local cluster needs remote_indices for this alias.',
  },
  {
    pattern: /all nodes must have version/i,
    hint: 'A node of the remote cluster is too old for connections by API key: upgrade it.',
  },
  {
    pattern: /on indices \[.*granted by the index privileges/i,
    hint: 'A role of the user or the key lacks this privilege for these indices, and Elasticsearch says the same of both: compare remote_indices of the role with what the key grants.',
  },
  { pattern: /unknown host/i, hint: 'The address of the remote cluster does not resolve from this node.' },
  {
    pattern: /handshake timed out|connect_timeout|connect timed out/i,
    hint: 'Nobody answers at the address: look for a firewall between the clusters.',
  },
  {
    pattern: /connection refused/i,
    hint: 'Nothing listens at the address: look whether the remote cluster server runs there, and at which port.',
  },
  { pattern: /port out of range/i, hint: 'The address has a port that cannot be: ports go from 1 to 65535.' },
  {
    pattern: /no subject alternative (?:names|DNS name)|no name matching|does not match certificate's altnames/i,
    hint: 'The certificate that is served does not cover the address that this node dials: `remora certs list` shows its names, `remora connect` with --san adds one.',
  },
  {
    pattern: /closed while SSL\/TLS handshake|connection reset/i,
    hint: 'The other end closed the connection during the TLS handshake: the address leads to something else, or to a port without TLS, or it refuses what this node shows (trust_restrictions).',
  },
  {
    pattern: /certificate has expired|certificate expired|NotAfter|CERT_HAS_EXPIRED/i,
    hint: 'A certificate there has ended, or the CA that signed it: `remora certs list` shows which, `remora certs rotate` replaces those of Remora.',
  },
  {
    pattern:
      /PKIX|unable to find valid certification path|certificate|SELF_SIGNED_CERT|UNABLE_TO_(?:GET|VERIFY)|CERT_/i,
    hint: "The node does not trust the remote cluster server's certificate: compare its CA file with `remora ca list`.",
  },
];

/** What to do about an error text of a proof; null when nothing better can be said than the text itself. */
export const proofHint = (text: string): string | null => rules.find(({ pattern }) => pattern.test(text))?.hint ?? null;

/** What one node answered to `GET /_resolve/cluster/ALIAS:*`, for the alias. */
export interface ResolveAnswer {
  readonly connected?: boolean;
  readonly error?: string;
}

/** Id of the API key that the remote cluster refused something to, as its refusal names it; null where it names none. */
export const refusedKeyId = ({ error = '' }: ResolveAnswer): string | null =>
  /authenticated by API key id \[([^\]]+)\]/.exec(error)?.[1] ?? null;

/** What one node's answer says of the connection; `n/a` where the node was not let ask. */
export type Verdict = Pick<NodeProof, 'ok' | 'state' | 'error' | 'hint'>;

/** Of a connection that others made: Remora does not know its key. */
export const ANY_KEY = Symbol('any key');

/** By which key a refusal proves the connection; null for none. */
export type ProvingKey = string | typeof ANY_KEY | null;

const proven: Verdict = { ok: true, state: 'ok', error: null, hint: null };

/**
 * Reads a node's answer. The request is authenticated and really crosses the connection, so a refusal "unauthorized … by API key id X" proves TLS and authentication
 * where the key grants no search. X has to be the connection's own key, where that is known. What the local cluster refuses to Remora's user says nothing of the
 * connection.
 */
export const judgeProof = (answer: ResolveAnswer | undefined, key: ProvingKey): Verdict => {
  if (answer?.connected) return proven;
  const text = answer?.error ?? '';
  const refused = /unauthorized/i.test(text) ? refusedKeyId({ error: text }) : null;
  if (refused !== null && (key === ANY_KEY || refused === key)) return proven;
  if (text !== '')
    return { ok: false, state: refusedHere.test(text) ? 'n/a' : 'failed', error: text, hint: proofHint(text) };
  return {
    ok: false,
    state: 'failed',
    error: 'not connected, and Elasticsearch gives no reason',
    hint: 'Most often the node does not trust the certificate of the remote cluster server, or cannot reach it.',
  };
};
