import { RemoraError } from '@remora/shared/errors.ts';
import { isAllowedNodeRequest } from '@remora/shared/model/requests/node-requests.ts';
import type { OperationInput, OperationResult } from '@remora/shared/operations.ts';
import type { AgentContext } from '../context.ts';
import { callNode } from '../node/http.ts';
import { secretValue } from './secret-value.ts';

/** One allow-listed call to this node's own Elasticsearch. */
export const request = async (
  input: OperationInput<'request'>,
  context: AgentContext,
): Promise<OperationResult<'request'>> => {
  const { method, path, user, body, timeoutMs } = input;
  if (!isAllowedNodeRequest(method, path)) {
    throw new RemoraError(
      'bad-input',
      `The agent does not pass on ${method} ${path.split('?')[0]}: it is not on the list of allowed calls.`,
    );
  }
  const password = secretValue(input.password, 'The password');
  const signal = AbortSignal.any([context.draining, AbortSignal.timeout(timeoutMs)]);
  return callNode(context.config, { method, path, user, password, signal, ...(body === undefined ? {} : { body }) });
};
