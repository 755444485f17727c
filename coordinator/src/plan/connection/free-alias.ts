import type { ClusterObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { aliasInFiles } from './alias-in-files.ts';
import { isRegistered } from './alias-place.ts';

/** What hides the settings of an alias that are made for good; a sentence. */
export const hiddenAlias = ({ name: cluster, transient }: ClusterObservation, alias: string): string[] => {
  const names = Object.keys(transient).filter((name) => name.startsWith(`cluster.remote.${alias}.`));
  return names.length === 0
    ? []
    : [
        `Cluster ${cluster} has the transient setting ${names.join(', ')}, which hides what is configured for good: remove it first (null in transient).`,
      ];
};

/** Where an alias stands that Remora did not make, and what else helps there. */
const madeByOthers = (local: ClusterObservation, alias: string): { where: string; more: string } | null => {
  if (isRegistered(local, { alias }))
    return {
      where: 'its cluster settings',
      // What others put on a deployment cannot be seen well enough to take it over.
      more: local.deployment === undefined ? ` \`remora adopt ${local.name} ${alias}\` takes it over as it is.` : '',
    };
  const [inFile] = aliasInFiles(local, alias);
  if (inFile)
    return {
      where: `elasticsearch.yml of ${inFile.node}: ${inFile.names.join(', ')}`,
      more: ` Settings of the API would win over these there, one by one, and the node would keep those that the API does not have: take the lines out of elasticsearch.yml and restart the node with \`remora restart ${local.name} --limit ${inFile.node}\`. \`remora connect --static\` then writes them itself, and keeps them in order.`,
    };
  const holder = local.nodes.find(
    ({ agent }) =>
      agent.state === 'online' &&
      agent.facts.keystore.entries?.some(
        ({ name, reference }) => name === credentialEntry(alias) && reference === null,
      ),
  );
  return holder ? { where: `the keystore of ${holder.name}`, more: '' } : null;
};

/** That an alias stands on a cluster which Remora has no connection of this name on record for; a sentence. */
export const takenAlias = (local: ClusterObservation, alias: string): string[] => {
  const others = madeByOthers(local, alias);
  return others === null
    ? []
    : [
        `The alias ${alias} exists on cluster ${local.name} already (in ${others.where}) and was not made by Remora: choose another alias, or remove that connection first.${others.more}`,
      ];
};
