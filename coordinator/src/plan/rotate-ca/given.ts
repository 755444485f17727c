import { RemoraError } from '@remora/shared/errors.ts';
import type { CaRotateRequest } from '@remora/shared/model/requests/ca-rotate-request.ts';
import {
  choiceFindings,
  type GivenChoice,
  givenCertificate,
  missingFinding,
  type ServerUse,
  seedHosts,
  seedProblems,
  serverMisfit,
} from '../certificates/given.ts';
import type { NewCertificates, Reissue } from '../certificates/reissue.ts';
import { settingsInForce } from '../connection/alias-place.ts';
import { keyConnections } from '../connection/connection-records.ts';
import { dialledName } from '../connection/published-address.ts';
import { type Finding, throwFindings } from '../node/agent-findings.ts';
import type { Concerned } from './concerned.ts';
import type { CaRotationFacts } from './facts.ts';
import { ways } from './proofs.ts';

const useOf = (remote: string, { connections, clusters }: CaRotationFacts): ServerUse => {
  const all = ways(
    keyConnections(connections).filter((one) => one.remote === remote),
    clusters,
  );
  return {
    isDirect: all.length === 0 || all.some(({ proxy }) => proxy === null),
    proxies: all.flatMap(({ proxy }) => proxy ?? []),
  };
};

const findingsOf = ({ node, record }: Reissue, choice: GivenChoice, facts: CaRotationFacts, now: string): Finding[] => {
  if (node === undefined) return [];
  const found = givenCertificate(node, choice, facts);
  if (!found) return [missingFinding(node, { ...choice, cluster: record.cluster })];
  const dialled = dialledName(node.remoteClusterServer?.publishAddress ?? '');
  const why = serverMisfit(found.signed.facts, dialled, useOf(record.cluster, facts), now);
  return why === null
    ? []
    : [['bad-input', `The certificate for node ${node.name} (cluster ${record.cluster}) is not placed: ${why}.`]];
};

/** Certificates are told apart by the names of their nodes alone. */
const namesakes = (due: readonly Reissue[]): Finding[] => {
  const twice = due.find(({ record }, index) => due.findIndex((one) => one.record.node === record.node) !== index);
  return twice === undefined
    ? []
    : [
        [
          'conflict',
          `The CA serves several nodes called ${twice.record.node}, in different clusters: certificates that were made elsewhere cannot be told apart for them. Have the new CA sign here, with its key, or replace the CA of one cluster after the other.`,
        ],
      ];
};

const seedFindings = (
  remote: string,
  due: readonly Reissue[],
  choice: GivenChoice,
  { connections, clusters, certificates, signed }: CaRotationFacts,
): Finding[] => {
  const seeds = keyConnections(connections)
    .filter((one) => one.remote === remote)
    .map((one) => {
      const cluster = clusters.find(({ name }) => name === one.local);
      return cluster === undefined ? [] : seedHosts(settingsInForce(cluster, one));
    })
    .filter((hosts) => hosts.length > 0);
  const own = certificates.filter(({ cluster, purpose }) => cluster === remote && purpose === choice.purpose);
  const coming = own.flatMap((record) => {
    const isDue = due.some((one) => one.record === record);
    const found = isDue ? givenCertificate({ name: record.node }, choice, { signed })?.signed.facts : record.facts;
    return found ?? [];
  });
  return coming.length < own.length
    ? []
    : seedProblems(remote, seeds, coming).map((problem): Finding => ['bad-input', problem]);
};

/** The certificates that the new CA signed elsewhere; nothing where it signs here. Throws all that forbids to place them. */
export const givenFor = (
  { given }: CaRotateRequest,
  { old, next, remotes }: Concerned,
  due: readonly Reissue[],
  facts: CaRotationFacts,
  now: string,
): Pick<NewCertificates, 'given'> => {
  if (due.length === 0) return {};
  if (given === undefined) {
    if (next.record?.key !== null) return {};
    throw new RemoraError('bad-input', `CA ${next.name} cannot take the place of ${old.name}: its key is not here.`, {
      hint: `\`remora ca import ${next.name}\` with --key adds it; or give certificates that it signed, with --files or --accepted.`,
    });
  }
  const choice: GivenChoice = {
    ...{ cluster: remotes.join(', '), purpose: 'remote_cluster_server', ca: next.name, ids: given },
  };
  // Of a rotation that goes on some have theirs already, and the same files may be given again.
  const nodes = facts.clusters.flatMap((cluster) => (remotes.includes(cluster.name) ? cluster.nodes : []));
  throwFindings([
    ...namesakes(due),
    ...choiceFindings(nodes, choice, facts),
    ...due.flatMap((one) => findingsOf(one, choice, facts, now)),
    ...remotes.flatMap((remote) => seedFindings(remote, due, choice, facts)),
  ]);
  return { given: ({ node }) => givenCertificate({ name: node }, choice, facts) };
};
