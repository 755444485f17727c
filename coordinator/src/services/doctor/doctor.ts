import { messageOf } from '@remora/shared/errors.ts';
import type { FleetStatus } from '@remora/shared/model/fleet.ts';
import { type DoctorLine, skipped } from '@remora/shared/model/inventory.ts';
import type { Refusal } from '../../gateway/session/refusals.ts';
import type { TurnedAway } from '../../gateway/session/turned-away.ts';
import type { ObserveParts } from '../../observe/observe-nodes.ts';
import { observeWhole } from '../../observe/observe-nodes.ts';
import type { ClusterObservation, NodeObservation } from '../../plan/facts.ts';
import { notInCluster } from '../../plan/node/agent-findings.ts';
import { lacksPrivileges, mayNotAsk, neededPrivileges } from '../../plan/roles/privileges.ts';
import type { Durability } from '../../store/durability.ts';
import type { RunStore } from '../../store/runs/run-store.ts';
import type { StoreProblem } from '../../store/store-identity.ts';
import type { CertificateWatch } from '../certificates/certificate-watch.ts';
import { observeKeyList } from '../keys/api-keys.ts';
import { scheduleLines } from '../schedules/schedule-lines.ts';
import { certificateLines } from './doctor-certificates.ts';
import { behindLines, type FleetIdentity, identityLines, rotationLines, turnedAwayLines } from './doctor-identity.ts';
import { keyLines } from './doctor-keys.ts';

export interface DoctorParts extends ObserveParts {
  /** Redis' answer to a write and a read back, in ms; throws when there is none. */
  readonly pingStore: () => Promise<number>;
  /** How safe Redis is set to keep what it answered. */
  readonly durability: () => Promise<Durability>;
  /** Agents that are not let in. */
  readonly refused: () => Promise<readonly Refusal[]>;
  /** Agents whose certificate was not accepted. */
  readonly turnedAway: () => Promise<readonly TurnedAway[]>;
  readonly identity: () => FleetIdentity;
  readonly fleet: () => Promise<FleetStatus>;
  /** Absent: not asked. */
  readonly storeProblem?: StoreProblem;
  /** Free bytes in the coordinator's data directory. */
  readonly freeBytes: () => Promise<number>;
  /** Runs that have not ended, or still have something to put back. */
  readonly runs: Pick<RunStore, 'openRuns' | 'view'>;
  readonly certificateWatch: Pick<CertificateWatch, 'lookWithin'>;
}

/** One silent agent shall not hold up the rest: then what was seen before is told. */
const LOOK_LIMIT_MS = 10_000;
const MIN_FREE_BYTES = 200 * 1024 * 1024;
const MAX_SKEW_MS = 60_000;

/** A check whose failure is a line, never an exception: a doctor tells what is wrong. */
const line = async (check: string, look: () => Promise<{ ok: boolean; detail: string }>): Promise<DoctorLine> => {
  try {
    return { check, ...(await look()) };
  } catch (error) {
    return { check, ok: false, detail: messageOf(error) };
  }
};

/** Runs that could not put back yet what they paused, and that hold their clusters for that also when they are over. */
const leftLine = async ({ runs }: DoctorParts): Promise<{ ok: boolean; detail: string }> => {
  const open = await Promise.all((await runs.openRuns()).map((runId) => runs.view(runId)));
  const left = open.flatMap(({ runId, clusters, leftToPutBack }) =>
    leftToPutBack
      ? `${runId} could not put back ${leftToPutBack.join(', ')} yet: ${clusters.join(', ')} stay locked until it can. \`remora runs watch ${runId}\` tells what is in the way.`
      : [],
  );
  return { ok: left.length === 0, detail: left.length === 0 ? 'nothing is left to put back' : left.join(' ') };
};

const OFFLINE = 'offline';

const agentLine = (cluster: string, node: NodeObservation): DoctorLine => {
  const check = `agent ${cluster}/${node.name}`;
  const { agent } = node;
  if (agent.state !== 'online')
    return {
      check,
      ok: false,
      detail: agent.state === 'failed' ? agent.reason : agent.state === 'missing' ? 'no agent has joined' : OFFLINE,
    };
  const { facts } = agent;
  const trouble =
    facts.configDirRefusal ??
    facts.settingsFile.refusal ??
    facts.keystore.refusal ??
    (facts.process.pid !== null && facts.process.pid !== node.pid
      ? `sees process ${facts.process.pid}, but the cluster says ${node.pid}`
      : null);
  return { check, ok: trouble === null, detail: trouble ?? `version ${facts.agent.version}, ${facts.configDir}` };
};

/**
 * What a refused agent is told takes the place of the line that says no more than that it is offline. Beside a line that says more it stands by itself:
 * another agent of that name may be well.
 */
export const withRefusals = (lines: readonly DoctorLine[], refused: readonly Refusal[]): DoctorLine[] => {
  const told = refused.map(({ node, reason, hint }) => ({
    ...{ check: `agent ${node}`, ok: false, detail: `refused: ${reason} ${hint}` },
  }));
  const checks = new Set(told.map(({ check }) => check));
  return [...lines.filter(({ check, detail }) => detail !== OFFLINE || !checks.has(check)), ...told];
};

const clockLine = (cluster: string, node: NodeObservation): DoctorLine[] =>
  node.agent.state === 'online'
    ? [
        {
          check: `clock ${cluster}/${node.name}`,
          ok: Math.abs(node.agent.clockSkewMs) <= MAX_SKEW_MS,
          detail: `${(node.agent.clockSkewMs / 1000).toFixed(1)} s away from the coordinator's`,
        },
      ]
    : [];

/** What the user may do in the cluster, and over the aliases of connections that begin there. */
const privilegesLine = (cluster: ClusterObservation, aliases: readonly string[]): DoctorLine => {
  const check = `privileges ${cluster.name}`;
  if (cluster.security !== 'on') return { check, ...skipped('security is off, so there is no user to ask about') };
  const trouble = [
    lacksPrivileges(cluster.name, cluster.missingPrivileges),
    ...aliases.map((alias) => mayNotAsk(cluster, alias)),
  ].filter((sentence) => sentence !== null);
  return {
    check,
    ok: trouble.length === 0,
    detail: trouble.length === 0 ? neededPrivileges.join(', ') : trouble.join(' '),
  };
};

const absentLine = (cluster: string, node: string): DoctorLine => ({
  check: `node ${cluster}/${node}`,
  ok: false,
  detail: notInCluster(),
});

/** Elastic Cloud runs the nodes of a deployment, and none of them is looked at. */
const whatOf = ({ deployment, nodes }: ClusterObservation): string =>
  deployment === undefined ? `${nodes.length} node${nodes.length === 1 ? '' : 's'}` : `deployment ${deployment.name}`;

const clusterLines = (cluster: ClusterObservation, aliases: readonly string[]): DoctorLine[] => [
  {
    check: `cluster ${cluster.name}`,
    ok: cluster.health !== 'red' && cluster.security === 'on',
    detail: `${cluster.version}, ${cluster.health}, ${whatOf(cluster)}, licence ${cluster.license.type}, security ${cluster.security}`,
  },
  privilegesLine(cluster, aliases),
  ...cluster.nodes.flatMap((node) => [agentLine(cluster.name, node), ...clockLine(cluster.name, node)]),
  ...cluster.absentNodes.map((node) => absentLine(cluster.name, node)),
];

/** The coordinator itself and its store. */
const ownLines = (parts: DoctorParts): Promise<DoctorLine[]> =>
  Promise.all([
    line('redis', async () => ({
      ok: true,
      detail: `a write and a read back took ${(await parts.pingStore()).toFixed(1)} ms`,
    })),
    line('redis durability', async () => {
      const { problems, unknown } = await parts.durability();
      if (problems.length > 0) return { ok: false, detail: [...problems, unknown ?? ''].join(' ').trim() };
      return unknown === null
        ? { ok: true, detail: 'appendonly yes, appendfsync always, noeviction' }
        : skipped(unknown);
    }),
    line('store', async () => {
      if (parts.storeProblem === undefined) return skipped('nobody watches it here');
      const problem = await parts.storeProblem();
      return { ok: problem === null, detail: problem ?? 'the one that this coordinator opened' };
    }),
    line('disk', async () => {
      const free = await parts.freeBytes();
      return { ok: free >= MIN_FREE_BYTES, detail: `${Math.round(free / 1024 / 1024)} MiB free in the data directory` };
    }),
    line('runs', () => leftLine(parts)),
  ]);

/** Looks at coordinator, Redis, clusters, agents, clocks, keys and certificates. */
export const doctor = async (parts: DoctorParts): Promise<DoctorLine[]> => {
  const askedMs = performance.now();
  const looking = parts.certificateWatch.lookWithin(LOOK_LIMIT_MS).catch(() => null);
  const [records, connections, cas, nodes, refused, turnedAway] = await Promise.all([
    parts.inventory.clusters.list(),
    parts.inventory.connections.list(),
    parts.inventory.cas.list(),
    parts.inventory.nodes.list(),
    parts.refused(),
    parts.turnedAway(),
  ]);
  const aliasesOf = (name: string): string[] =>
    connections.filter(({ local }) => local === name).map(({ alias }) => alias);
  const own = await ownLines(parts);
  const looks = Promise.all(
    records.map(async ({ name }) =>
      observeWhole(parts, name).then(
        (cluster) => clusterLines(cluster, aliasesOf(name)),
        (error: unknown) => [{ check: `cluster ${name}`, ok: false, detail: messageOf(error) }],
      ),
    ),
  );
  const [clusters, keyList] = await Promise.all([looks, observeKeyList(parts)]);
  const keys = keyLines(keyList, connections);
  const nowMs = parts.clock().getTime();
  const { rotation, behind } = await parts.fleet();
  const identity = [
    ...identityLines(parts.identity(), nodes, nowMs),
    ...rotationLines(rotation),
    ...behindLines(behind),
  ];
  const certificates = certificateLines(await looking, cas, { nowMs, askedMs });
  const scheduled = await scheduleLines(parts.inventory);
  return [
    ...own,
    ...scheduled,
    ...identity,
    ...withRefusals(clusters.flat(), refused),
    ...turnedAwayLines(turnedAway),
    ...keys,
    ...certificates,
  ];
};
