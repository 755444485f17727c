import { isByCertificate, isForeign } from '../../connection/connection-records.ts';
import { hiddenAlias, takenAlias } from '../../connection/free-alias.ts';
import type { Check } from './preflight-check.ts';

/** A sentence where the alias is another connection of Remora's. */
const takenBy = ({ facts, request }: Parameters<Check['run']>[0]): string | null | undefined => {
  const { alias, local } = request;
  const record = facts.connections.find((one) => one.local === facts.local.name && one.alias === alias);
  if (record === undefined) return undefined;
  const taken = `The alias ${alias} of cluster ${facts.local.name} is taken: it is Remora's connection to`;
  if (isForeign(record))
    return `${taken} ${record.foreign.name}, which others run. Choose another alias, or take that one apart first with \`remora disconnect ${local} ${alias}\`.`;
  if (isByCertificate(record))
    return `The alias ${alias} of cluster ${facts.local.name} is a connection by certificate: \`remora migrate ${local} ${alias} --to api_key\` brings it to API keys, with what the key shall grant.`;
  return record.remote === facts.remote.name ? null : `${taken} ${record.remote}. Choose another alias.`;
};

export const aliasFree: Check = {
  code: 'conflict',
  demands:
    "the local cluster does not know the alias, or it is Remora's connection to the same remote cluster; no transient setting hides it",
  run: (input) => {
    const { local } = input.facts;
    const { alias } = input.request;
    const hidden = hiddenAlias(local, alias);
    if (hidden.length > 0) return hidden;
    const taken = takenBy(input);
    if (taken !== undefined) return taken === null ? [] : [taken];
    return takenAlias(local, alias);
  },
};
