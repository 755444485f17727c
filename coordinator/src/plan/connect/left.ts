import type { ConnectRequest } from '@remora/shared/model/requests/connect-request.ts';
import { adoptedOf, isHandMadeServer } from '../connection/adopted.ts';
import type { ConnectFacts, NodeObservation } from '../facts.ts';
import { givenFor } from './given.ts';

/** Whether a remote node's server is left as people made it, since the connection was taken over. A certificate that is given for the node is not placed in passing either. */
export const isLeft = (
  node: NodeObservation,
  { facts, request }: { readonly facts: ConnectFacts; readonly request: ConnectRequest },
): boolean =>
  adoptedOf(facts, request)?.server === true &&
  isHandMadeServer(node, facts.certificates) &&
  givenFor(node, request, facts) === undefined;
