import Type, { type Static } from 'typebox';

/** A CA as `ca list` shows it. */
export const CaView = Type.Object({
  name: Type.String(),
  subject: Type.String(),
  /** ISO 8601, UTC. */
  notAfter: Type.String(),
  /** SHA-256 of the certificate, lower-case hex. */
  fingerprint256: Type.String(),
  /** Whether Remora can sign with it. */
  hasKey: Type.Boolean(),
  /** Which names it may certify, `DNS:…` or `IP:…` each; null where it may certify all. */
  nameConstraints: Type.Union([
    Type.Object({ permitted: Type.Array(Type.String()), excluded: Type.Array(Type.String()) }),
    Type.Null(),
  ]),
  /** Certificates of it, as `CLUSTER/NODE`, and connections that trust it, as `LOCAL ALIAS`. */
  usedBy: Type.Array(Type.String()),
  /** The CA that takes its place, or took it. */
  successor: Type.Optional(Type.String()),
  /** When it had taken it, ISO 8601, UTC; absent while both are trusted. */
  retiredAt: Type.Optional(Type.String()),
});
export type CaView = Static<typeof CaView>;
