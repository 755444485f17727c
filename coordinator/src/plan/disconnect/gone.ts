import { trustName } from '../cloud-deployment/local-side.ts';
import { heirSteps, neededBy, type TrustUsers } from '../connect-certificate/heirs.ts';
import { isOther, trustHeirs } from '../connect-certificate/needed.ts';
import { keptAsOwn, type TrustLoss, trustRemovalSteps } from '../connect-certificate/removal.ts';
import { removalFindings } from '../connect-certificate/removal-refusals.ts';
import { type AnyConnectionRecord, isByCertificate, isForeign } from '../connection/connection-records.ts';
import type { Finding } from '../node/agent-findings.ts';
import type { AnyStep } from '../steps.ts';
import type { DisconnectFacts } from './facts.ts';
import type { Scope } from './scope.ts';
import { stageIds } from './stages.ts';

/** Keys of the connection that still let somebody in, on record or not. */
const livingKeys = ({ facts: { keys, strays } }: Scope): readonly { readonly id: string; readonly name: string }[] => [
  ...keys.filter(({ usable }) => usable).map(({ record: { id, name } }) => ({ id, name })),
  ...strays,
];

/** Of a local cluster that is gone nobody can say which nodes have the key: all of the connection that let somebody in are invalidated, as after a leak. */
export const goneKeySteps = (scope: Scope): AnyStep[] => {
  const { connection, local, remote } = scope.facts;
  const living = livingKeys(scope);
  if (living.length === 0) return [];
  return [
    {
      ...{ id: 'revoke-keys', kind: 'api-keys.revoke', target: remote.name, effect: 'api', stage: stageIds.keys },
      reason: 'nobody is to get in with them any more, wherever they are',
      diff: living.map(({ id, name }) => `- key ${name} (${id})`).join('\n'),
      input: {
        ...{ cluster: remote.name, local: local.name, alias: connection.alias, localUuid: local.clusterUuid },
        ids: living.map(({ id }) => id),
      },
    },
  ];
};

/** What is on record of trust between transport ports that goes with a local cluster that is gone, with those who use the same file; null where there is none. */
const trustOf = ({ request, facts }: Scope) => {
  const { connection, connections, transport: seen } = facts;
  if (isForeign(connection) || isByCertificate(connection) || connection.transport === undefined) return null;
  if (request.keepTrust || seen === undefined) return null;
  const users: TrustUsers = {
    connections: connections.filter(isOther(connection)),
    deploymentTrusts: seen.deploymentTrusts,
  };
  return { facts: seen.remote, remote: connection.remote, trust: connection.transport, users };
};

/** What the remote nodes would not trust any more, of a connection that was one by certificate, or is half-way from there; null where there is nothing. */
const lossOf = (scope: Scope): TrustLoss | null => {
  const found = trustOf(scope);
  if (found === null) return null;
  const { facts, remote, trust, users } = found;
  return { facts, drops: trust.trusts.remote, found: trust.found, needed: neededBy(remote, users) };
};

/** Others who take over what is on record of the remote nodes as they were before that trust; `standing` are all other connections as they are by then. */
export const goneTrustHeirs = (scope: Scope, standing: readonly AnyConnectionRecord[]): AnyConnectionRecord[] => {
  const found = trustOf(scope);
  return found === null ? [] : trustHeirs({ trust: found.trust, clusters: [found.remote] }, standing);
};

/** The same of deployments in Elastic Cloud, where no connection is left to take it over. */
export const goneDeploymentHeirs = (scope: Scope): AnyStep[] => {
  const found = trustOf(scope);
  if (found === null) return [];
  const estate = { found: found.trust.found, clusters: [found.remote] };
  return heirSteps(estate, found.users, stageIds.end).filter(({ kind }) => kind === 'deployment-trust.record');
};

/** Takes the CA of the transport ports of a cluster that is gone off the nodes that trust it. */
export const goneTrustSteps = (scope: Scope): AnyStep[] => {
  const loss = lossOf(scope);
  const stages = { roll: stageIds.distrustRoll, files: stageIds.distrustFiles };
  return loss === null ? [] : trustRemovalSteps(loss, stages, { isAfterOther: true });
};

/** What forbids to take the trust off, and a flag about nodes that are gone, which would do nothing. */
export const goneFindings = (scope: Scope): Finding[] => {
  const { request, facts } = scope;
  const loss = lossOf(scope);
  if (loss !== null) return removalFindings(loss, facts.connections, { keep: 'give --keep-trust' });
  return request.localGone && request.keepTrust && facts.transport === undefined
    ? [
        [
          'bad-input',
          `--keep-trust: the CA file is on the nodes of ${facts.local.name}, of which nothing is changed with --local-gone. Leave the flag out.`,
        ],
      ]
    : [];
};

/** What is on the nodes of a local cluster that is gone, and how the rest of it is forgotten. */
export const goneLocalWarnings = (
  {
    connection,
    connections,
    goneNodes = [],
    goneAnswer = null,
  }: Pick<DisconnectFacts, 'connection' | 'connections' | 'goneNodes' | 'goneAnswer'>,
  left: string,
): string[] => {
  const { local } = connection;
  const others = connections.filter(isOther(connection)).filter((one) => one.local === local);
  const led = connections.filter((one) => !isForeign(one) && one.remote === local);
  const commands = [
    ...others.map(({ alias }) => `\`remora disconnect ${local} ${alias} --local-gone\``),
    ...led.map((one) => `\`remora disconnect ${one.local} ${one.alias} --remote-gone\``),
    ...goneNodes.map((node) => `\`remora nodes remove ${node} --cluster ${local}\``),
    `\`remora clusters remove ${local}\``,
  ];
  return [
    ...(goneAnswer === null
      ? []
      : [
          `Something answers at the addresses of cluster ${local} with a certificate that is not trusted (${goneAnswer}): whether that is the cluster is not known. Where it may be, make sure first: \`remora clusters add ${local}\` with --ca and the CA that it has by now.`,
        ]),
    `Cluster ${local} is taken to be gone for good: nothing is asked or changed there, and what is on record of the connection is forgotten. ${left}`,
    `What else is on record of ${local} is forgotten by ${commands.join(', ')}.`,
  ];
};

const keysLeft = ({ facts: { connection, keys, remote } }: Scope): string[] =>
  isForeign(connection)
    ? [
        `The API key ${connection.key.name ?? connection.key.id} is not invalidated: only those who run ${connection.foreign.name} can do that. Tell them that it is not used here any more.`,
      ]
    : keys.map(
        ({ record }) =>
          `The API key ${record.name} (${record.id}) is not invalidated: should cluster ${remote.name} come back, invalidate it there.`,
      );

/** What stays of the connection where its local cluster is gone, should that come back. */
const leftThere = ({ connection: { alias }, goneDeployment: deployment }: DisconnectFacts): string => {
  const setting = `The alias ${alias} in its settings`;
  if (deployment === undefined)
    return `${setting}, cluster.remote.${alias}.credentials in keystores and Remora's CA file with the settings that name it stay on its machines: wipe them, or take these out, before its nodes run again.`;
  const { cloud, id } = deployment;
  return `${setting}, its key and the trust ${trustName(alias)} stay on deployment ${id} of cloud ${cloud} where that is there still: \`remora clouds key ${cloud} ${id} ${alias} --remove\` and \`remora clouds trust ${cloud} ${id} ${trustName(alias)} --remove\` take the latter two off.`;
};

/** What people should know of a side that is gone. Once the records are forgotten, this is the only place that names what is left. */
export const goneWarnings = (scope: Scope): string[] => {
  const { request, facts } = scope;
  const { connection, remote } = facts;
  const loss = lossOf(scope);
  return [
    ...(request.remoteGone && !isForeign(connection)
      ? [
          `Cluster ${remote.name} is taken to be gone for good: nothing is changed there, and what is on record of the connection is forgotten.`,
        ]
      : []),
    ...(request.localGone ? goneLocalWarnings(facts, leftThere(facts)) : []),
    ...(request.remoteGone || isForeign(connection) ? keysLeft(scope) : []),
    ...(loss === null ? [] : keptAsOwn(loss)),
  ];
};
