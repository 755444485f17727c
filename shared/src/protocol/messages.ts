import { RemoraError } from '../errors.ts';
import { isFromAgent, isFromCoordinator } from './checks.ts';
import type { Acknowledge, Deliver, Progress, Result } from './delivery.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import type { Draining, Heartbeat, Hello, Renew, Renewed, RenewSoon, Trust, Trusted, Welcome } from './session.ts';

/** The message union of each direction, and one function a direction that reads a frame. */
export type FromAgent = Hello | Heartbeat | Draining | Result | Progress | Renew | Trusted;
export type FromCoordinator = Welcome | Deliver | Acknowledge | Renewed | Trust | RenewSoon;

const parseJson = (frame: string): unknown => {
  if (frame.length > MAX_FRAME_BYTES)
    throw new RemoraError(
      'protocol-violation',
      `a frame of ${frame.length} characters is over the limit of ${MAX_FRAME_BYTES}`,
    );
  try {
    return JSON.parse(frame);
  } catch {
    throw new RemoraError('protocol-violation', 'a frame is not JSON');
  }
};

/** Names the type but never quotes the content: it may hold a secret. */
const refuse = (value: unknown): never => {
  const type =
    typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
      ? value.type.slice(0, 40)
      : 'none';
  throw new RemoraError(
    'protocol-violation',
    `a message of type "${type}" is unknown or does not have the fields of this protocol version`,
  );
};

/** Reads what an agent sent; throws `protocol-violation`. */
export const parseFromAgent = (frame: string): FromAgent => {
  const value = parseJson(frame);
  return isFromAgent(value) ? (value as FromAgent) : refuse(value);
};

/** Reads what a coordinator sent; throws `protocol-violation`. */
export const parseFromCoordinator = (frame: string): FromCoordinator => {
  const value = parseJson(frame);
  return isFromCoordinator(value) ? (value as FromCoordinator) : refuse(value);
};
