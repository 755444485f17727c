import { connectionDiff } from '../connection/connection-diff.ts';
import type { AnyConnectionRecord, FoundSettings } from '../connection/connection-records.ts';
import { foundIn, withFound } from '../node/found-settings.ts';
import type { AnyStep } from '../steps.ts';
import { type DeploymentTrustRecord, deploymentTrustId } from '../trust/deployment-trust.ts';
import { neededOn, trustHeirs, usersOf } from './needed.ts';

/** Whoever else has something in the file of other clusters' CAs. */
export interface TrustUsers {
  readonly connections: readonly AnyConnectionRecord[];
  readonly deploymentTrusts: readonly DeploymentTrustRecord[];
}

/** SHA-256 of the CAs that these need on the nodes of a cluster. */
export const neededBy = (cluster: string, { connections, deploymentTrusts }: TrustUsers): string[] => [
  ...neededOn(cluster, connections),
  ...deploymentTrusts
    .filter((one) => one.cluster === cluster)
    .flatMap(({ authorities }) => authorities.map(({ fingerprint256 }) => fingerprint256)),
];

/** What is on record of the transport ports of nodes of these clusters, with a record that goes. */
interface Estate {
  readonly found: readonly FoundSettings[];
  readonly clusters: readonly string[];
}

const reason = 'it takes over what is on record of the nodes as they were before Remora came';

/** Deployments to which it goes where no connection is left that has something in the file. */
const deploymentHeirs = ({ found, clusters }: Estate, { connections, deploymentTrusts }: TrustUsers) =>
  clusters
    .filter((cluster) => usersOf(cluster, connections).length === 0)
    .flatMap((cluster) => {
      const heir = deploymentTrusts.find((one) => one.cluster === cluster);
      if (heir === undefined) return [];
      const changed = { ...heir, ...withFound(heir.found, foundIn(found, cluster)) };
      return JSON.stringify(changed) === JSON.stringify(heir) ? [] : [changed];
    });

/** Steps by which others take over what is on record: the last of them puts it back. */
export const heirSteps = (estate: Estate, users: TrustUsers, stage: string): AnyStep[] => {
  const trust = { trusts: { local: [], remote: [] }, found: estate.found };
  const part = { target: 'coordinator', effect: 'none', reason, stage } as const;
  return [
    ...trustHeirs({ trust, clusters: estate.clusters }, users.connections).map(
      (heir): AnyStep => ({
        ...{ ...part, id: `record-${heir.local}.${heir.alias}`, kind: 'connection.record' },
        ...{ diff: connectionDiff(heir, heir), input: { connection: heir } },
      }),
    ),
    ...deploymentHeirs(estate, users).map(
      (trust): AnyStep => ({
        ...{ ...part, id: `record-${trust.cloud}.${trust.deployment}`, kind: 'deployment-trust.record' },
        ...{ diff: '', input: { id: deploymentTrustId(trust), trust } },
      }),
    ),
  ];
};
