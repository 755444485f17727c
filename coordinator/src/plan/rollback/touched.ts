import { nodeKey } from '../node/node-id.ts';
import type { AnyStep } from '../steps.ts';
import { changesNode } from './deliveries.ts';
import { connectionsOf, isOf, type PastRun, type PastStep } from './facts.ts';

/** What a step may have changed, as people call it. */
const thingsOf = (step: AnyStep): string[] => {
  if (changesNode(step)) return [`node ${nodeKey(step.input)}`];
  switch (step.kind) {
    case 'cluster-settings.put':
    case 'signing-settings.put':
      return Object.keys(step.input.persistent).map((name) => `${name} of cluster ${step.input.cluster}`);
    case 'connection.prove':
      // Whoever proved it relies on all that it needs, also where the run itself had little to change.
      return [`connection ${step.input.local}/${step.input.alias}`];
    case 'connection.record':
      return [`connection ${step.input.connection.local}/${step.input.connection.alias}`];
    case 'transport-name.verify':
      // Who was proven to have a name that is let in relies on the restrictions.
      return [`whom node ${nodeKey(step.input)} lets in`];
    case 'deployment-trust.record':
      return [`the trust of deployment ${step.input.id}`];
    case 'certificate.issue':
    case 'signing-certificate.issue':
    case 'signing-certificate.forget':
      return [`node ${nodeKey(step.input)}`];
    case 'ca.succession':
    case 'ca.create':
    case 'ca.import':
      return [`CA ${step.input.ca}`];
    case 'cloud.key':
      return [`the key of ${step.input.alias} in the keystore of deployment ${step.input.deployment}`];
    case 'cloud.trust':
      return [`the trust ${step.input.name} of deployment ${step.input.deployment}`];
    case 'role.put':
      return [`role ${step.input.name} of cluster ${step.input.cluster}`];
    case 'user.put':
      return [`user ${step.input.name} of cluster ${step.input.cluster}`];
    case 'cluster.trust':
      return [`the CAs of cluster ${step.input.cluster}`];
    case 'api-key.create':
    case 'api-key.update':
    case 'api-key.identify':
      return [`API key ${step.input.secret}`];
    default:
      return [];
  }
};

const mayHaveChanged = (past: PastStep | undefined): past is PastStep =>
  past !== undefined && past.attempts > 0 && past.status !== 'undone';

/** What a run may have changed, and when it last did. */
export const touchedBy = (run: PastRun): Map<string, string> => {
  const touched = new Map<string, string>();
  for (const step of run.plan.steps) {
    const past = run.steps.get(step.id);
    if (!mayHaveChanged(past)) continue;
    const at = past.finishedAt ?? past.startedAt ?? '';
    for (const thing of thingsOf(step)) if (at >= (touched.get(thing) ?? '')) touched.set(thing, at);
  }
  return touched;
};

const lastOf = (touched: ReadonlyMap<string, string>): string => [...touched.values()].sort().at(-1) ?? '';

/**
 * What another run changed after this one did; the first thing, or undefined. A run that was taken back counts no more, nor does what took it back. A run of
 * the same connection that was limited to other nodes (`--limit`) stands on what this one filed and made, whatever it touched.
 */
export const changedSince = (run: PastRun, other: PastRun): string | undefined => {
  if (other.runId === run.runId || other.status === 'rolled_back' || other.plan.workflow === 'rollback')
    return undefined;
  const [own, later] = [touchedBy(run), touchedBy(other)];
  const thing = [...own].find(([name, at]) => (later.get(name) ?? '') > at)?.[0];
  const shared = connectionsOf(other).find((one) => isOf(run, one));
  if (thing !== undefined || shared === undefined) return thing;
  return lastOf(later) > lastOf(own) ? `connection ${shared.local}/${shared.alias}` : undefined;
};
