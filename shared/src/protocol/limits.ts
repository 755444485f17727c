/**
 * Version and limits of the protocol between agent and coordinator. A peer of another version is refused by name: both are of one release line.
 * Limits are enforced by the receiver, who closes the connection and logs the peer; nothing that is refused was acted on.
 */
export const PROTOCOL_VERSION = 1;
/** Largest frame in bytes, either direction: p12 files and CA bundles are a few KB, a node's facts a few 10 KB. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** The agent beats this often; a socket that was silent for three beats is dead. */
export const HEARTBEAT_MS = 5000;
export const SILENCE_LIMIT_MS = 3 * HEARTBEAT_MS;
/** WebSocket close codes (4000 to 4999 are free for applications, RFC 6455 section 7.4.2). */
export const closeCodes = { protocolViolation: 4400, notAllowed: 4401, superseded: 4409, draining: 4503 } as const;
/** Where an agent finds the coordinator's gateway. */
export const paths = { ca: '/agent/v1/ca', join: '/agent/v1/join', session: '/agent/v1/session' } as const;
