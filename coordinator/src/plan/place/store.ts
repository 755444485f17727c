import type { NodeObservation } from '../facts.ts';
import type { Finding } from '../node/agent-findings.ts';
import { sslPrefix } from '../node/ssl.ts';
import type { PlaceFacts } from './facts.ts';
import { lostAuthorities, trustsByStore } from './trust.ts';

/** What a truststore holds goes with it, unless the whole certificate is known from somewhere. */
export const storeFindings = (
  node: NodeObservation,
  where: string,
  facts: Pick<PlaceFacts, 'ports' | 'stores'>,
): Finding[] => {
  if (!trustsByStore(node)) return [];
  const stored = facts.stores.get(node.name) ?? 'it was not looked at';
  const authorities = `${sslPrefix.transport}.certificate_authorities`;
  if (typeof stored === 'string')
    return [['preflight-failed', `Which CAs ${where} trusts by its truststore is not known: ${stored}.`]];
  return lostAuthorities(facts, node).map(({ subject, serial }) => [
    'conflict',
    `${where} trusts CA ${subject} (serial ${serial}) by its truststore, and no port of the cluster sends that CA, so that it would be lost: export it as PEM (\`keytool -exportcert -rfc\`), and name it with the others in ${authorities} in place of the truststore first.`,
  ]);
};
