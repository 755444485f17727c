import { aliasInFiles } from '../alias-in-files.ts';
import type { ClusterObservation } from '../facts.ts';
import { isByCertificate, isForeign } from '../records.ts';
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

/** Where an alias stands that Remora did not make, and what else helps there. */
const madeByOthers = (local: ClusterObservation, alias: string): { where: string; more: string } | null => {
  const prefix = `cluster.remote.${alias}.`;
  if (Object.keys(local.persistent).some((name) => name.startsWith(prefix)))
    return {
      where: 'its cluster settings',
      more: ` \`remora adopt ${local.name} ${alias}\` takes it over as it is.`,
    };
  const [inFile] = aliasInFiles(local, alias);
  if (inFile)
    return {
      where: `elasticsearch.yml of ${inFile.node}: ${inFile.names.join(', ')}`,
      more: ` Settings of the API would win over these there, one by one, and the node would keep those that the API does not have: take the lines out of elasticsearch.yml and restart the node with \`remora restart ${local.name} --limit ${inFile.node}\`.`,
    };
  const holder = local.nodes.find(
    ({ agent }) =>
      agent.state === 'online' &&
      agent.facts.keystore.entries?.some(
        ({ name, reference }) => name === `${prefix}credentials` && reference === null,
      ),
  );
  return holder ? { where: `the keystore of ${holder.name}`, more: '' } : null;
};

export const aliasFree: Check = {
  code: 'conflict',
  demands:
    "the local cluster does not know the alias, or it is Remora's connection to the same remote cluster; no transient setting hides it",
  run: (input) => {
    const { local } = input.facts;
    const { alias } = input.request;
    const transient = Object.keys(local.transient).filter((name) => name.startsWith(`cluster.remote.${alias}.`));
    if (transient.length > 0)
      return [
        `Cluster ${local.name} has the transient setting ${transient.join(', ')}, which hides what is configured for good: remove it first (null in transient).`,
      ];
    const taken = takenBy(input);
    if (taken !== undefined) return taken === null ? [] : [taken];
    const others = madeByOthers(local, alias);
    return others === null
      ? []
      : [
          `The alias ${alias} exists on cluster ${local.name} already (in ${others.where}) and was not made by Remora: choose another alias, or remove that connection first.${others.more}`,
        ];
  },
};
