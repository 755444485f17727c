import type { TrustRestrictionsRemoval } from '@remora/shared/model/requests/trust-restrictions-request.ts';
import { certificatesIn } from '../connect-certificate/trust.ts';
import { type PlanContext, withoutBaseline } from '../context.ts';
import type { NodeObservation } from '../facts.ts';
import { isSecureSettingLoaded } from '../node/loaded.ts';
import { changeOf, type NodeChange, restartOf } from '../node/node-change.ts';
import { nodeStep } from '../node/node-step.ts';
import { rollOrder } from '../order.ts';
import { lostAuthorities, trustsByStore } from '../place/trust.ts';
import { outagesOf, unreplicatedWarning } from '../roll/outages.ts';
import { usedStages } from '../stage-order.ts';
import type { AnyStep, Stage, StoredPlan } from '../steps.ts';
import { transportAuthorities } from '../trust/port-proof.ts';
import { RESTRICTIONS, restrictionsFile } from '../trust/restrictions.ts';
import type { TrustRestrictionFacts } from './facts.ts';
import { refuseRemoval } from './refusals.ts';

/** A process that has lost its file keeps what it read, and does not start again. */
const stages: readonly Stage[] = [
  { id: 'roll', title: 'Take the restrictions out', mode: 'roll' },
  { id: 'files', title: 'Remove the patterns', mode: 'parallel' },
];

/** Phases of the steps that change nodes; see `node.change`. */
const SETTING = 1;
const FILE = 2;

const hasFile = ({ agent }: NodeObservation): boolean =>
  agent.state === 'online' &&
  agent.facts.files.some(({ path, digest }) => path === restrictionsFile && digest !== null);

/** The setting goes; of a node that was cut off between that and its restart, the restart is left. */
const settingGone = (node: NodeObservation): NodeChange | null => {
  if (node.agent.state !== 'online') return null;
  const { facts } = node.agent;
  const wanted = { files: [], settings: {}, without: [RESTRICTIONS], keystore: {}, keystorePassword: null };
  const change = changeOf(node, facts, wanted);
  if (change !== null || !hasFile(node) || isSecureSettingLoaded(node, facts.settingsFile.modifiedAtMs)) return change;
  const reasons = ['the running process was started before elasticsearch.yml was changed'];
  return { operations: [restartOf(facts)], restart: true, reload: false, diff: [], reasons };
};

const fileGone: NodeChange = {
  operations: [{ name: 'files', input: { write: [], remove: [restrictionsFile] } }],
  ...{ restart: false, reload: false, diff: [`- file ${restrictionsFile}: trust restrictions`] },
  reasons: ['nothing names the file any more'],
};

const stepsOf = ({ cluster }: TrustRestrictionFacts): AnyStep[] => {
  const nodes = rollOrder(cluster.nodes);
  const where = { roll: 'roll', files: 'files' };
  return [
    ...nodes.flatMap((node) => {
      const change = settingGone(node);
      return change === null
        ? []
        : [nodeStep({ cluster, node, change, effect: 'restart', stages: where, phase: SETTING })];
    }),
    ...nodes
      .filter(hasFile)
      .map((node) =>
        nodeStep({ cluster, node, change: fileGone, effect: 'file', stages: where, phase: FILE, prefix: 'remove' }),
      ),
  ];
};

/** CAs in the files and truststores of nodes by which no node of the cluster itself is seen to be let in: whose they are is for people to know. */
const othersTrusted = ({ transport }: TrustRestrictionFacts): string[] => {
  const { nodes } = transport.cluster;
  const own = [...transport.waysIn.values()].flat();
  const held = nodes.flatMap((node) => transportAuthorities(node).flatMap((path) => certificatesIn(node, path)));
  const others = held.filter(({ facts }) => !own.includes(facts.fingerprint256)).map(({ facts }) => facts.subject);
  const stored = nodes.filter(trustsByStore).flatMap((node) => lostAuthorities(transport, node));
  return [...new Set([...others, ...stored.map(({ subject }) => subject)])].sort();
};

/** Nodes of whose truststores nothing is known, with why. */
const unseenStores = ({ transport: { cluster, stores } }: TrustRestrictionFacts): string[] =>
  cluster.nodes.flatMap((node) => {
    const stored = trustsByStore(node) ? stores.get(node.name) : undefined;
    return typeof stored === 'string' ? [`Which CAs node ${node.name} trusts is not known: ${stored}.`] : [];
  });

const openWarnings = (facts: TrustRestrictionFacts): string[] => {
  const { name } = facts.cluster;
  const others = othersTrusted(facts);
  return [
    `Whoever has a certificate of a CA that the nodes of ${name} trust on their transport ports is let in then: of Elastic Cloud's CA that is every deployment of its region.`,
    ...(others.length === 0
      ? []
      : [
          `By these CAs, which nodes of ${name} trust, none of its own nodes is let in, as far as their ports show: ${others.join('; ')}. Where one is that of a region of Elastic Cloud, take it out of their files and truststores first.`,
        ]),
    ...unseenStores(facts),
  ];
};

/** Plans that nodes let in again whoever has a certificate of a CA that they trust. Throws all that forbids it; a plan without steps means that no trust is restricted. */
export const planRestrictionsRemoval = (
  request: TrustRestrictionsRemoval,
  facts: TrustRestrictionFacts,
  context: PlanContext,
): StoredPlan => {
  refuseRemoval(facts);
  const { cluster } = facts;
  const steps = stepsOf(facts);
  const restarts = steps.filter(({ effect }) => effect === 'restart').map(({ target }) => target);
  return {
    planId: context.planId,
    hash: context.hash(JSON.stringify(steps, withoutBaseline)),
    workflow: 'trust-restrictions-removal',
    wanted: request,
    title: `Take the trust restrictions of ${cluster.name} out`,
    createdAt: context.now,
    clusters: [cluster.name],
    stages: usedStages(stages, steps),
    steps,
    restarts,
    outages: outagesOf(cluster, restarts),
    warnings: [...(restarts.length === 0 ? [] : openWarnings(facts)), ...unreplicatedWarning(cluster, restarts)],
  };
};
