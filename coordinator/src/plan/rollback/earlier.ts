import { placeOf, standingLines } from '../connection/alias-place.ts';
import { type AnyConnectionRecord, isByCertificate, isForeign, proofOf } from '../connection/connection-records.ts';
import type { NodeObservation } from '../facts.ts';
import { credentialEntry } from '../keys/key-names.ts';
import { connectingNodes } from '../node/nodes.ts';
import type { CertificateRecord } from '../records.ts';
import type { AnyStep } from '../steps.ts';
import { changesOn } from './deliveries.ts';
import { beforeOf, type RollbackFacts } from './facts.ts';
import { isUsable } from './keys/keys.ts';
import type { Part } from './settings.ts';

export const PROOF_STAGE = 'prove';

/** Connections as they were before the run; none where it made one. One whose key was replaced is put on record late: until then it stands there as it was. */
const earlierConnections = ({ run, connections }: RollbackFacts): AnyConnectionRecord[] => {
  const found = run.plan.steps.flatMap((step) => {
    if (step.kind !== 'connection.record') return [];
    const before = beforeOf(run.steps.get(step.id)) as AnyConnectionRecord | null | undefined;
    if (before !== undefined || run.plan.workflow !== 'rotate-key') return before ? [before] : [];
    const { local, alias } = step.input.connection;
    return connections.filter((one) => one.local === local && one.alias === alias);
  });
  // Of one that was filed more than once the first is what stood there before the run.
  return found.filter(
    (one, i) => found.findIndex(({ local, alias }) => local === one.local && alias === one.alias) === i,
  );
};

/** Certificates that are put back although they have ended, which no local cluster accepts. */
export const endedCertificates = ({ run }: RollbackFacts, now: string): CertificateRecord[] =>
  run.plan.steps.flatMap((step) => {
    if (step.kind !== 'certificate.issue' || step.input.purpose !== 'remote_cluster_server') return [];
    const before = beforeOf(run.steps.get(step.id)) as CertificateRecord | null | undefined;
    return before && Date.parse(before.facts.notAfter) <= Date.parse(now) ? [before] : [];
  });

const addresses = ['seeds', 'proxy_address'];

/** Whether elasticsearch.yml of a node has the address of the alias once all is put back. */
const hasLines = (facts: RollbackFacts, { local, alias }: AnyConnectionRecord, node: NodeObservation): boolean => {
  const changes = changesOn(facts, { cluster: local, node: node.name });
  const lines = standingLines(node, alias);
  return addresses.some((name) => {
    const setting = `cluster.remote.${alias}.${name}`;
    const changed = changes.find((one) => one.kind === 'setting' && one.name === setting);
    return changed && changed.state !== 'foreign' ? changed.existed : lines[name] !== undefined;
  });
};

/** The nodes that connected by it. */
const connectingBefore = ({ clusters }: RollbackFacts, one: AnyConnectionRecord): NodeObservation[] => {
  const cluster = clusters.get(one.local);
  return cluster === undefined ? [] : connectingNodes(cluster, placeOf(one));
};

/** Whether the alias is registered once all is put back: a connection that was filed and never came to be made has nothing to prove. */
const stands = (facts: RollbackFacts, one: AnyConnectionRecord, settings: Part): boolean => {
  const { local, alias } = one;
  if (placeOf(one).kind === 'files' && connectingBefore(facts, one).some((node) => hasLines(facts, one, node)))
    return true;
  const put = settings.steps.flatMap((step) =>
    step.kind === 'cluster-settings.put' && step.input.cluster === local ? [step.input.persistent] : [],
  );
  const after: Readonly<Record<string, unknown>> = Object.assign({}, facts.settings.get(local), ...put);
  return addresses.some((name) => (after[`cluster.remote.${alias}.${name}`] ?? null) !== null);
};

/** Whether a node has a credential for the alias once all is put back. */
const hasCredential = (
  facts: RollbackFacts,
  { local, alias }: AnyConnectionRecord,
  { name, agent }: NodeObservation,
) => {
  if (agent.state !== 'online') return false;
  const entry = credentialEntry(alias);
  const changes = changesOn(facts, { cluster: local, node: name });
  const changed = changes.find((one) => one.kind === 'entry' && one.name === entry);
  if (changed && changed.state !== 'foreign') return changed.existed;
  return agent.facts.keystore.entries?.some((one) => one.name === entry) ?? true;
};

const proofStep = (one: AnyConnectionRecord, nodes: readonly string[] | null, keyId?: string): AnyStep => ({
  ...{ id: `prove-${one.local}.${one.alias}`, kind: 'connection.prove', target: one.local, effect: 'none', diff: '' },
  ...{ reason: 'the connection as it was before is proven by a real request', stage: PROOF_STAGE },
  input: { ...proofOf(one), ...(nodes === null ? {} : { nodes }), ...(keyId ? { keyId } : {}) },
});

/** Whether a connection with a key of others worked before the run. */
const workedBefore = ({ run }: RollbackFacts, { local, alias }: AnyConnectionRecord): boolean =>
  run.plan.steps.some(
    (step) =>
      step.kind === 'connection.record' &&
      step.input.connection.local === local &&
      step.input.connection.alias === alias &&
      step.input.worked === true,
  );

/** A part of the plan, and whether its connection would be proven if every node could be asked. */
type EarlierPart = Omit<Part, 'findings'> & { readonly isProvable: boolean };

const partOf = (facts: RollbackFacts, one: AnyConnectionRecord, settings: Part, isServed: boolean): EarlierPart => {
  const what = `The connection ${one.local}/${one.alias} as it was before`;
  if (!stands(facts, one, settings)) return { isProvable: false, steps: [], warnings: [] };
  if (isForeign(one) && !workedBefore(facts, one))
    return {
      isProvable: false,
      steps: [],
      warnings: [`${what} is put back and not proven: it did not work when the run was planned.`],
    };
  if (!isForeign(one) && !isByCertificate(one) && !isUsable(facts, one.keySecret)) {
    const key = facts.earlierKeys.find(({ record }) => record.secret === one.keySecret)?.record.name ?? one.keySecret;
    return {
      isProvable: false,
      steps: [],
      warnings: [
        `${what} has API key ${key}, which cannot be used any more (it was invalidated, has ended, or is not known): it is put back, is not proven, and will not work until \`remora connect ${one.local} ${one.remote} --alias ${one.alias}\` with what it shall grant has given it another key.`,
      ],
    };
  }
  if (facts.clusters.get(one.local)?.deployment !== undefined)
    return { isProvable: isServed, steps: isServed ? [proofStep(one, null)] : [], warnings: [] };
  const connecting = connectingBefore(facts, one);
  const able = connecting
    .filter((node) => isByCertificate(one) || hasCredential(facts, one, node))
    .map(({ name }) => name);
  const unable = connecting.map(({ name }) => name).filter((name) => !able.includes(name));
  const proves = isServed && able.length > 0;
  const left = `${what} is proven without ${unable.join(', ')}, which ${unable.length > 1 ? 'have' : 'has'} no credential for it then, or no agent that could be asked: \`remora connect\` sets up a node that came later.`;
  return {
    isProvable: isServed,
    steps: proves ? [proofStep(one, unable.length > 0 ? able : null)] : [],
    warnings: proves && unable.length > 0 ? [left] : [],
  };
};

/** A connection that the run took over is proven by the key that its nodes had, while that lets somebody in. */
const adoptedPart = (facts: RollbackFacts, settings: Part): (EarlierPart & { readonly name: string })[] => {
  const { run, adoptedKey } = facts;
  return run.plan.steps.flatMap((step) => {
    if (run.plan.workflow !== 'adopt' || step.kind !== 'connection.record' || !adoptedKey?.usable) return [];
    const { connection: one } = step.input;
    const connecting = connectingBefore(facts, one);
    const able = connecting.filter((node) => hasCredential(facts, one, node)).map(({ name }) => name);
    if (!stands(facts, one, settings) || able.length === 0) return [];
    const nodes = able.length < connecting.length ? able : null;
    const name = `${one.local}.${one.alias}`;
    return [{ isProvable: true, steps: [proofStep(one, nodes, adoptedKey.id)], warnings: [], name }];
  });
};

/**
 * Proves that connections which were there before the run work as they did. Not those of which it is known beforehand that they cannot: they are put back all
 * the same, and the warnings say what that means. A proof that must fail would leave the rest of the rollback undone.
 */
export const earlierPart = (
  facts: RollbackFacts,
  settings: Part,
  now: string,
): Part & {
  /** Connections that are proven, whichever agents are online. */
  readonly provable: readonly string[];
} => {
  const ended = endedCertificates(facts, now);
  const adopted = adoptedPart(facts, settings);
  const earlier = earlierConnections(facts).map((one) => ({
    ...partOf(facts, one, settings, ended.length === 0),
    name: `${one.local}.${one.alias}`,
  }));
  const parts = [...earlier.filter((one) => !adopted.some(({ name }) => name === one.name)), ...adopted];
  const ends = ended.map(
    ({ cluster, node, facts: { notAfter } }) =>
      `The certificate that node ${node} of cluster ${cluster} gets back has ended at ${notAfter}: connections to it fail, and are not proven, until \`remora connect\` has given it another.`,
  );
  return {
    steps: parts.flatMap(({ steps }) => steps),
    warnings: [...ends, ...parts.flatMap(({ warnings }) => warnings)],
    findings: [],
    provable: parts.flatMap(({ isProvable, name }) => (isProvable ? [name] : [])),
  };
};
