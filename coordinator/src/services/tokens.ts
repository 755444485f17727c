import type { Gateway } from '../gateway/gateway.ts';
import type { Services } from '../services.ts';

/** Join tokens are made, kept and spent by the gateway, which alone knows their secret. */
export const tokenService = (tokens: Gateway['tokens']): Services['tokens'] => ({
  create: (input, actor) => tokens.create({ ...input, actor }),
});
