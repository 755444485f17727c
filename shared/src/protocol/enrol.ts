import Type, { type Static } from 'typebox';

/**
 * Enrolment, over HTTPS. The agent holds a one-time token (address, fleet CA fingerprint, id, secret).
 *   1. `GET /agent/v1/ca` without trust. Of the answer counts the CA whose SHA-256 is the token's fingerprint, and while the fleet CA is being rotated those
 *      that it vouches for (see vouchers.ts): the token may name the one, and the server show a certificate of the other.
 *   2. `POST /agent/v1/join` with exactly these trusted. What the agent is to trust from then on comes in the answer.
 * The private key is made on the node and never leaves it: the agent sends the public key and a signature over `joinProof(...)`.
 * A token is spent in the same step that records the node, so that a lost answer can be repeated with the same public key.
 */
export const JoinRequest = Type.Object({
  version: Type.Integer(),
  tokenId: Type.String({ maxLength: 64 }),
  tokenSecret: Type.String({ maxLength: 128 }),
  /** The node's `node.name` or the name that the operator gave. */
  name: Type.String({ minLength: 1, maxLength: 255 }),
  agentVersion: Type.String(),
  /** SubjectPublicKeyInfo, PEM. */
  publicKeyPem: Type.String({ maxLength: 4096 }),
  /** Base64 of an RSASSA-PKCS1-v1_5 SHA-256 signature over `joinProof`. */
  signature: Type.String({ maxLength: 2048 }),
  elasticsearch: Type.Object({
    nodeName: Type.String(),
    url: Type.String(),
    configDir: Type.String(),
    home: Type.String(),
    /** null when the node does not run now; then it is checked at the first session. */
    pid: Type.Union([Type.Integer(), Type.Null()]),
  }),
});
export type JoinRequest = Static<typeof JoinRequest>;

export const JoinResponse = Type.Object({
  /** The client certificate for this agent, PEM. */
  certificatePem: Type.String(),
  name: Type.String(),
  cluster: Type.String(),
  /** Identifies the store, so that a wiped one is noticed. */
  storeId: Type.String(),
  /** The highest fence that an agent may have seen from this store: one that saw a higher one was there before the store was restored. */
  fence: Type.Integer({ minimum: 0 }),
  /** The fleet CAs to trust, PEM, and what they say of each other (vouchers.ts); absent from a coordinator of an earlier release: the one of the token. */
  fleetCas: Type.Optional(Type.String({ maxLength: 65_536 })),
  /** Where to dial, first one first. */
  coordinators: Type.Array(Type.String(), { minItems: 1 }),
});
export type JoinResponse = Static<typeof JoinResponse>;

/** The text whose signature proves possession of the private key and binds it to this token and name. */
export const joinProof = (tokenId: string, name: string, publicKeyPem: string): string =>
  `remora-join-v1\n${tokenId}\n${name}\n${publicKeyPem.trim()}\n`;

/** The text whose signature proves possession of the private key of a renewal, and binds it to the agent that asks. */
export const renewalProof = (cluster: string, name: string, publicKeyPem: string): string =>
  `remora-renew-v1\n${cluster}\n${name}\n${publicKeyPem.trim()}\n`;

/** Certificates begin this long before they are issued, for clocks that are a little behind: their life is counted from its end. */
export const BACKDATED_MS = 5 * 60 * 1000;

/** What the one-time token carries. */
export interface JoinToken {
  /** https URL of the coordinator. */
  readonly url: string;
  /** SHA-256 of the fleet CA's DER, lower-case hex. */
  readonly caFingerprint: string;
  readonly id: string;
  readonly secret: string;
}
