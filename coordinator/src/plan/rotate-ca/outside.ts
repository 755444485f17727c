import { isForeign } from '../connection/connection-records.ts';
import { handedRecords } from '../keys/handed-key.ts';
import type { Concerned } from './concerned.ts';
import type { CaRotationFacts } from './facts.ts';

/** Whoever trusts the old CA by a file that somebody was given: what is served then is strange to them, and the rotation does not reach them. */
export const outsideWarnings = (
  { old, next, certificates }: Concerned,
  { apiKeys, connections }: CaRotationFacts,
  now: string,
): string[] => {
  const served = certificates.map(({ cluster }) => cluster);
  const handed = handedRecords(apiKeys, now).filter(({ remote }) => served.includes(remote));
  const names = [...new Set(handed.map(({ whom, remote }) => `${whom} (cluster ${remote})`))].sort();
  const foreign = connections.filter((one) => isForeign(one) && one.cas.includes(old.name));
  return [
    ...(names.length === 0
      ? []
      : [
          `A key was made for ${names.join(', ')}, with CA ${old.name} in its file: their connections fail once CA ${next.name} serves, unless they trust both by then. Make or import that CA first, give them its certificate (\`remora ca export ${next.name}\`), and go on with --to ${next.name} once they have it.`,
        ]),
    ...foreign.map(
      ({ local, alias }) =>
        `The connection ${local}/${alias} leads to a cluster that others run, and knows it by CA ${old.name}: that stays so. Where it leads to one of these nodes it fails once CA ${next.name} serves, unless \`remora connect ${local} --alias ${alias} --remote-key-file FILE --remote-ca FILE\` gave it both before.`,
    ),
  ];
};
