import { RemoraError } from '@remora/shared/errors.ts';
import type { PlaceRequest } from '@remora/shared/model/requests/place-request.ts';
import { isEnded } from '@remora/shared/model/run.ts';
import { type ConnectionRecord, keyConnections } from '../connection/connection-records.ts';
import { agentFindings, type Finding, notInCluster, throwFindings } from '../node/agent-findings.ts';
import type { NodeId } from '../node/node-id.ts';
import type { CertificateRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { deliveredKey, deliveriesOf, MOST_DELIVERIES, type NodeDeliveries } from './deliveries.ts';
import { endedCertificates } from './earlier.ts';
import { beforeOf, isOf, type PastRun, type RollbackFacts } from './facts.ts';
import { endedKeys } from './keys/ended-keys.ts';
import { refuseHandedOut } from './keys/handed-keys.ts';
import { refuseUnnamed, refuseUnrestricted } from './named.ts';
import { notTakenBack } from './not-taken-back.ts';
import { changedSince, touchedBy } from './touched.ts';

const conflict = (message: string, hint: string): RemoraError => new RemoraError('conflict', message, { hint });

/** Refuses a run that cannot be taken back whatever there is now; asked before anything is looked at. */
export const refuseRun = (run: PastRun): void => {
  const { runId, status, rollback, plan } = run;
  const what = `Run ${runId} cannot be rolled back`;
  if (status === 'rolled_back')
    throw conflict(`${what}: run ${rollback} did that already.`, '`remora runs show` tells how it stands.');
  if (!isEnded(status))
    throw conflict(`${what}: it is ${status}.`, 'Stop it first with `remora runs cancel`, or wait until it has ended.');
  const [why, hint] = notTakenBack[plan.workflow] ?? [];
  if (why !== undefined) throw conflict(`${what}: ${why}.`, hint ?? '');
  const [ended] = endedKeys(run).filter(({ isCertain }) => isCertain);
  if (ended) throw conflict(`${what}: ${ended.sentence}`, ended.hint);
  if (touchedBy(run).size === 0)
    throw conflict(`${what}: it changed nothing that could be put back.`, '`remora runs show` tells what it did.');
};

/** A step of a run that may have invalidated a key was carried out, and the key lets nobody in any more. */
const refuseEndedKeys = ({ run, earlierKeys, adoptedKey }: RollbackFacts): void => {
  const dead = [
    ...earlierKeys.filter(({ usable }) => !usable).map(({ record }) => record.id),
    ...(adoptedKey?.usable === false ? [adoptedKey.id] : []),
  ];
  const gone = endedKeys(run).find(({ id }) => dead.includes(id));
  if (gone) throw conflict(`Run ${run.runId} cannot be rolled back: ${gone.sentence}`, gone.hint);
};

/** Two runs that take back the same would each plan what the other does. One that only waits is told when its turn comes. */
const refuseTwice = ({ run, others }: RollbackFacts): void => {
  const hasBegun = ({ steps }: PastRun): boolean => [...steps.values()].some(({ status }) => status !== 'pending');
  const other = others.find(
    (one) =>
      one.plan.workflow === 'rollback' &&
      (one.plan.wanted as { readonly run: string }).run === run.runId &&
      hasBegun(one) &&
      !isEnded(one.status),
  );
  if (!other) return;
  throw conflict(
    `Run ${run.runId} cannot be rolled back: run ${other.runId} takes it back already, and is ${other.status}.`,
    `Wait until it has ended, or end it with \`remora runs cancel ${other.runId}\`.`,
  );
};

/** What helps where a run is in the way. */
const wayBack = (other: PastRun): string => {
  if (other.plan.workflow === 'disconnect')
    return 'That one took a connection apart, which is not taken back: what stands now is changed by a new command.';
  const ended = endedKeys(other).find(({ isCertain }) => isCertain);
  return ended === undefined
    ? `Roll that one back first with \`remora runs rollback ${other.runId}\`.`
    : `That one cannot be rolled back either: ${ended.sentence} \`remora disconnect\` takes a connection apart.`;
};

const refuseLaterRuns = ({ run, others }: RollbackFacts): void => {
  for (const other of others) {
    const thing = changedSince(run, other);
    if (thing === undefined) continue;
    throw conflict(
      `Run ${run.runId} cannot be rolled back: run ${other.runId} (${other.plan.title}) changed ${thing} since.`,
      wayBack(other),
    );
  }
};

/** Whether a step set up the remote cluster server of a node, or gave it a certificate of another CA: one that was only renewed serves as before without it. */
const setUpServer = (run: PastRun, step: AnyStep): boolean => {
  if (step.kind !== 'certificate.issue' || step.input.purpose !== 'remote_cluster_server') return false;
  if (run.steps.get(step.id)?.status !== 'succeeded') return false;
  const before = beforeOf(run.steps.get(step.id)) as CertificateRecord | null | undefined;
  return before?.ca !== step.input.ca;
};

/** Of the rotation of a CA, whether a connection trusts the old one, or is one of those that get it back. */
const trustsEarlierCa = ({ plan }: PastRun, { local, alias, ca }: ConnectionRecord): boolean =>
  plan.workflow === 'rotate-ca' &&
  plan.steps.some(
    (step) =>
      (step.kind === 'ca.succession' && step.input.ca === ca) ||
      (step.kind === 'connection.record' &&
        step.input.connection.local === local &&
        step.input.connection.alias === alias),
  );

/** What goes back to an earlier CA needs it. */
const refuseWithoutCa = ({ run, cas }: RollbackFacts): void => {
  const gone = run.plan.steps.find(
    (step) => step.kind === 'ca.succession' && !cas.some(({ name }) => name === step.input.ca),
  );
  if (gone?.kind !== 'ca.succession') return;
  throw conflict(
    `Run ${run.runId} cannot be rolled back: CA ${gone.input.ca} was removed since.`,
    'Import it again under its name, with its key.',
  );
};

/** A CA or a certificate that has ended is trusted by nobody: the rotation could be taken back half-way only, with both trusted and nothing proven. */
const refuseEnded = (facts: RollbackFacts, now: string): void => {
  const { run, cas } = facts;
  if (run.plan.workflow !== 'rotate-ca') return;
  const old = cas.find(({ name }) =>
    run.plan.steps.some((step) => step.kind === 'ca.succession' && step.input.ca === name),
  );
  const [certificate] = endedCertificates(facts, now);
  const what =
    old !== undefined && old.facts.notAfter <= now
      ? `CA ${old.name} has ended at ${old.facts.notAfter}`
      : certificate &&
        `the certificate that node ${certificate.node} of cluster ${certificate.cluster} would get back has ended at ${certificate.facts.notAfter}`;
  if (what === undefined) return;
  throw conflict(
    `Run ${run.runId} cannot be rolled back: ${what}, and nobody would trust what is served then.`,
    'Go on with what the run made: `remora ca rotate` replaces a CA by one of your choice.',
  );
};

/** Whether one of these runs made the connection. */
const madeBy = (runs: RollbackFacts['others'], { local, alias }: ConnectionRecord): boolean =>
  runs.some(({ plan }) =>
    plan.steps.some(
      (step) =>
        step.kind === 'connection.record' &&
        step.input.connection.local === local &&
        step.input.connection.alias === alias,
    ),
  );

/** Other connections to a cluster whose remote cluster server the run set up: without it they would be gone, whoever made them. */
const refuseSharedServer = ({ run, connections, others }: RollbackFacts): void => {
  const served = run.plan.steps.filter((step) => setUpServer(run, step)).map(({ input }) => (input as NodeId).cluster);
  // A placement finds servers that run: who was connected by then was so without it.
  const isPlacement = run.plan.workflow === 'place-certificates';
  const concerned = keyConnections(connections).filter((one) => !isPlacement || madeBy(others, one));
  const other = concerned.find((one) => served.includes(one.remote) && !isOf(run, one) && !trustsEarlierCa(run, one));
  if (!other) return;
  throw conflict(
    `Run ${run.runId} cannot be rolled back: the connection ${other.local}/${other.alias} uses the remote cluster server of ${other.remote} too, which the run set up.`,
    `Roll back first what made ${other.local}/${other.alias}.`,
  );
};

/** What other nodes were given since by the CA that a placement made trusted: with the trust taken back they would be strangers to their cluster. */
const refusePlacedSince = ({ run, certificates }: RollbackFacts): void => {
  if (run.plan.workflow !== 'place-certificates') return;
  const { cluster, purpose, ca } = run.plan.wanted as PlaceRequest;
  // There nothing was trusted anew: those who connect trusted the CA before.
  if (purpose === 'remote_cluster_server') return;
  const own = run.plan.steps.flatMap((step) => (step.kind === 'certificate.issue' ? [step.input.node] : []));
  const other = certificates.find(
    (one) => one.cluster === cluster && one.purpose === purpose && one.ca === ca && !own.includes(one.node),
  );
  if (!other) return;
  throw conflict(
    `Run ${run.runId} cannot be rolled back: node ${other.node} of cluster ${cluster} serves a certificate of CA ${ca} too, and would not be trusted any more.`,
    `Roll back first what placed it there; \`remora runs list\` shows all.`,
  );
};

/** A step that ended well and remembers nothing of before. */
const refuseUnremembered = ({ run }: RollbackFacts): void => {
  const remembers = [
    'cluster-settings.put',
    'signing-settings.put',
    'signing-certificate.issue',
    'signing-certificate.forget',
    'api-key.identify',
    'connection.record',
    'deployment-trust.record',
    'ca.create',
    'ca.import',
    'ca.succession',
    'certificate.issue',
    'cluster.trust',
    'api-key.update',
    'role.put',
    'user.put',
  ];
  const step = run.plan.steps.find(
    ({ id, kind }) =>
      remembers.includes(kind) &&
      run.steps.get(id)?.status === 'succeeded' &&
      beforeOf(run.steps.get(id)) === undefined,
  );
  if (!step) return;
  throw conflict(
    `Run ${run.runId} cannot be rolled back: an older release made it, which did not record what stood there before ${step.id}.`,
    'Put back by hand what it changed.',
  );
};

const gone = (where: string, what: string): Finding => [
  'preflight-failed',
  `${where}: what stood there before ${what} is not kept any more, or cannot be read. Agents keep it for 30 days, of their newest 20 changes. Put it back by hand, or give another command that makes it what it shall be.`,
];

const findingsOf = (facts: RollbackFacts, delivered: NodeDeliveries): Finding[] => {
  const { cluster, node, upTo, certain } = delivered;
  const where = `Node ${node} of cluster ${cluster}`;
  const observed = facts.clusters.get(cluster);
  const seen = observed?.nodes.find(({ name }) => name === node);
  if (!seen) {
    return observed?.absentNodes.includes(node) ? [['preflight-failed', `${where} ${notInCluster()}.`]] : [];
  }
  const elsewhere = agentFindings(seen, { name: cluster });
  if (elsewhere.length > 0) return elsewhere;
  if (upTo.length > MOST_DELIVERIES)
    return [
      [
        'preflight-failed',
        `${where}: run ${facts.run.runId} came to it in ${upTo.length} deliveries, more than an agent takes back at once (${MOST_DELIVERIES}). Put back by hand what they changed.`,
      ],
    ];
  const backups = facts.backups.get(deliveredKey(delivered));
  if (!backups) return [['preflight-failed', `${where}: its agent did not say what it could take back.`]];
  const lost = backups.changes.filter(({ state }) => state === 'lost').map(({ name }) => gone(where, name));
  const forgotten = certain.some((ids) => ids.every((id) => backups.unknown.includes(id)));
  return [...lost, ...(forgotten ? [gone(where, `run ${facts.run.runId}`)] : [])];
};

/** Throws what forbids the rollback, with all that was found. `more` are findings of others. */
export const refuse = (facts: RollbackFacts, more: readonly string[], now: string): void => {
  refuseRun(facts.run);
  refuseTwice(facts);
  refuseLaterRuns(facts);
  refuseSharedServer(facts);
  refuseHandedOut(facts, now);
  refuseWithoutCa(facts);
  refuseEndedKeys(facts);
  refuseEnded(facts, now);
  refusePlacedSince(facts);
  refuseUnnamed(facts);
  refuseUnrestricted(facts);
  refuseUnremembered(facts);
  const findings = [
    ...deliveriesOf(facts.run).flatMap((one) => findingsOf(facts, one)),
    ...more.map((message): Finding => ['preflight-failed', message]),
  ];
  // Each sentence once, with the code that it came with first.
  const messages = findings.map(([, message]) => message);
  throwFindings(findings.filter(([, message], index) => messages.indexOf(message) === index));
};
