/**
 * What the texts of Elasticsearch mean, from tries on 8.19.21 and 9.5.3. The first rule that matches counts; a text that matches none is shown as it is.
 */
const rules: readonly { readonly pattern: RegExp; readonly hint: string }[] = [
  {
    pattern: /api key .*has been invalidated/i,
    hint: 'The key was invalidated on the remote cluster: run connect again, which makes a new one.',
  },
  { pattern: /api key is expired/i, hint: 'The key has expired: run connect again, which makes a new one.' },
  {
    pattern: /unable to authenticate user \[[^\]]*\]/i,
    hint: 'The remote cluster does not know this key: run connect again, which makes a new one.',
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
    pattern: /certificate identity/i,
    hint: 'The key demands a signature (strong identity verification) that this node does not send.',
  },
  {
    pattern: /no such remote cluster|no_such_remote_cluster/i,
    hint: 'The alias is not registered on this node: run connect again.',
  },
  {
    pattern: /no remote indices privileges apply/i,
    hint: 'That was refused before anything was sent, so it says nothing of the connection: the user that Remora has for the local cluster needs remote_indices for this alias.',
  },
  { pattern: /unknown host/i, hint: 'The address of the remote cluster does not resolve from this node.' },
  {
    pattern: /handshake timed out|connect_timeout|connect timed out/i,
    hint: 'Nobody answers at the address: look for a firewall between the clusters.',
  },
  {
    pattern: /PKIX|unable to find valid certification path|certificate/i,
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

/**
 * Reads a node's answer. The request is authenticated and really crosses the connection, so a refusal "unauthorized … by API key id X" with our own key
 * proves TLS and authentication where the key grants no search.
 */
export const judgeProof = (
  answer: ResolveAnswer | undefined,
  keyId: string | null,
): { readonly ok: boolean; readonly error: string | null; readonly hint: string | null } => {
  if (answer?.connected) return { ok: true, error: null, hint: null };
  const text = answer?.error ?? '';
  if (keyId !== null && /unauthorized/i.test(text) && text.includes(`API key id [${keyId}]`))
    return { ok: true, error: null, hint: null };
  if (text !== '') return { ok: false, error: text, hint: proofHint(text) };
  return {
    ok: false,
    error: 'not connected, and Elasticsearch gives no reason',
    hint: 'Most often the node does not trust the certificate of the remote cluster server, or cannot reach it.',
  };
};
