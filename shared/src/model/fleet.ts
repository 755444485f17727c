import Type, { type Static } from 'typebox';

/**
 * How far a rotation of the fleet CA is. `trust`: agents are told to trust both. `renew`: the new one signs, and agents renew. `drop`: the old one goes.
 * `back`: it was cancelled, the old one signs, and agents that hold certificates of the new one renew.
 */
export const FleetRotationPhase = Type.Union([
  Type.Literal('trust'),
  Type.Literal('renew'),
  Type.Literal('drop'),
  Type.Literal('back'),
]);
export type FleetRotationPhase = Static<typeof FleetRotationPhase>;

const Ca = Type.Object({
  /** SHA-256 of the DER, lower-case hex. */
  fingerprint256: Type.String(),
  /** ISO 8601. */
  notAfter: Type.String(),
});

/** An agent without which the rotation does not go on, or that has something to do once it ended. */
const WaitedFor = Type.Object({
  cluster: Type.String(),
  node: Type.String(),
  online: Type.Boolean(),
  /** ISO 8601; null for one that joined and was never connected. */
  lastSeen: Type.Union([Type.String(), Type.Null()]),
  /** What it has to do, or what stands in the way. */
  reason: Type.String(),
});

export const FleetRotation = Type.Object({
  phase: FleetRotationPhase,
  /** ISO 8601. */
  startedAt: Type.String(),
  startedBy: Type.String(),
  /** When the phase began, ISO 8601. */
  phaseSince: Type.String(),
  /** The new one serves and signs from this moment on at the earliest, ISO 8601. */
  switchAfter: Type.String(),
  from: Ca,
  to: Ca,
  waitingFor: Type.Array(WaitedFor),
});
export type FleetRotation = Static<typeof FleetRotation>;

/** The identity by which coordinators and agents know each other. */
export const FleetStatus = Type.Object({
  /** The one that signs now. */
  ca: Ca,
  /** What is to be trusted now, PEM: the content of fleet-ca.crt. */
  certificatesPem: Type.String(),
  agents: Type.Integer(),
  /** null while none goes on. */
  rotation: Type.Union([FleetRotation, Type.Null()]),
  /** While none goes on: agents that were away when the last one ended, or could not write, and trust what they trusted during it. */
  behind: Type.Array(WaitedFor),
});
export type FleetStatus = Static<typeof FleetStatus>;
