import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { Acknowledge, Deliver, Progress, Result } from './delivery.ts';
import { Draining, Heartbeat, Hello, Renew, Renewed, RenewSoon, Trust, Trusted, Welcome } from './session.ts';

/**
 * Whether a value is a message of a direction. This file is a seam: TypeBox takes 20 MB of memory at run time, so the agent's build puts the code that
 * TypeBox generates from `schemas` in its place (agent/build.ts).
 */
export const schemas = {
  isFromAgent: Type.Union([Hello, Heartbeat, Draining, Result, Progress, Renew, Trusted]),
  isFromCoordinator: Type.Union([Welcome, Deliver, Acknowledge, Renewed, Trust, RenewSoon]),
};

const [fromAgent, fromCoordinator] = [Compile(schemas.isFromAgent), Compile(schemas.isFromCoordinator)];

export const isFromAgent = (value: unknown): boolean => fromAgent.Check(value);
export const isFromCoordinator = (value: unknown): boolean => fromCoordinator.Check(value);
