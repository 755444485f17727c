import type { Client } from '@elastic/elasticsearch';
import { RemoraError } from '@remora/shared/errors.ts';
import type { Pausable } from '@remora/shared/model/change-options.ts';
import { explain, isConnectionFailure, statusOf } from '../../../elasticsearch/client.ts';
import type { ClusterClients } from '../../../elasticsearch/clusters.ts';
import { limitOf } from '../../../limit.ts';
import type { StepInputs } from '../../../plan/steps.ts';
import type { Executor, Restorers, StepContext } from '../../executor.ts';
import type { StepParts } from '../parts.ts';

/** Something of a cluster that goes on by itself and can be paused. All calls may be repeated. */
interface Pause {
  /** For sentences. */
  readonly name: string;
  /** The cluster privilege that it takes. */
  readonly privilege: string;
  readonly isPaused: (client: Client) => Promise<boolean>;
  readonly pause: (client: Client) => Promise<unknown>;
  readonly resume: (client: Client) => Promise<unknown>;
}

/** A master that is busy gives a call up by itself before our client does (10 s), so that it cannot take effect after we went on. */
const MASTER_TIMEOUT = { master_timeout: '5s', timeout: '4s' } as const;

const pauses: Readonly<Record<Pausable, Pause>> = {
  slm: {
    name: 'snapshot lifecycle management',
    privilege: 'manage_slm',
    // STOPPING ends by itself, with the snapshot that is under way: the gate no-running-snapshot sees to that one.
    isPaused: async (client) => (await client.slm.getStatus()).operation_mode !== 'RUNNING',
    pause: (client) => client.slm.stop(MASTER_TIMEOUT),
    resume: (client) => client.slm.start(MASTER_TIMEOUT),
  },
  ml: {
    name: 'machine learning',
    privilege: 'manage_ml',
    isPaused: async (client) => (await client.ml.info()).upgrade_mode,
    pause: (client) => client.ml.setUpgradeMode({ enabled: true, timeout: '8s' }),
    resume: (client) => client.ml.setUpgradeMode({ enabled: false, timeout: '8s' }),
  },
};

const LIMIT_MS = 60_000;
const AGAIN_MS = 2000;

/** What is recorded before something is paused, so only where it was running. */
interface Paused {
  readonly cluster: string;
}

/** Name of the run's restore entry: two clusters of one run have one each. */
const entryOf = (what: Pausable, cluster: string): string => `${what}:${cluster}`;

const isFromCluster = (error: unknown): boolean => isConnectionFailure(error) || statusOf(error) !== undefined;

/** A cluster that does not answer, or a master that is busy, is asked again for a minute. */
const isPassing = (error: unknown): boolean => {
  const status = statusOf(error) ?? 503;
  return status === 429 || status >= 500;
};

/** Pauses one thing where it runs; what runs is recorded first. One that somebody else paused is left alone, and stays paused at the end. */
const pauseOne = async (context: StepContext, client: Client, cluster: string, what: Pausable): Promise<void> => {
  const { name, isPaused, pause } = pauses[what];
  const limit = limitOf(LIMIT_MS);
  for (;;) {
    try {
      if (await isPaused(client)) return;
      await context.phase(`pausing ${name}`);
      await context.setRestore(entryOf(what, cluster), { cluster } satisfies Paused);
      await context.checkFence();
      await pause(client);
      return;
    } catch (error) {
      if (!isFromCluster(error)) throw error;
      if (!isPassing(error) || limit.isOver()) throw explain(error, cluster, `Pausing ${name}`);
      await context.sleep(AGAIN_MS);
    }
  }
};

/** Pauses what the run shall pause before a node of the cluster is restarted, and before its gates are looked at. */
export const withPauses =
  ({ clients }: Pick<StepParts, 'clients'>, execute: Executor<'node.change'>): Executor<'node.change'> =>
  async (context, change) => {
    // Whoever goes on with a restart that was begun must not wait for a cluster that may be down by it.
    const isBegun = context.memory.intent !== null;
    const wanted = restarts(change) && !isBegun ? (context.options.pause ?? []) : [];
    if (wanted.length > 0) {
      const client = await clients.get(change.cluster);
      for (const what of wanted)
        await context.batch.once(`pause ${what}`, () => pauseOne(context, client, change.cluster, what));
    }
    return execute(context, change);
  };

const restarts = ({ operations }: StepInputs['node.change']): boolean =>
  operations.some(({ name }) => name === 'service');

/** Whether a restore entry is a pause of this cluster, which is put back when the roll of it is over; allocation is put back after each batch. */
export const isPauseOf = (entry: string, cluster: string): boolean =>
  Object.keys(pauses).some((what) => entry === entryOf(what as Pausable, cluster));

/** Lets what was paused go on. What was recorded ran before: nothing else is ever put back. */
export const restorePauses = (clients: ClusterClients): Restorers =>
  Object.fromEntries(
    Object.entries(pauses).map(([what, { name, resume }]) => [
      what,
      async (value: unknown): Promise<void> => {
        const { cluster } = value as Paused;
        try {
          // Asked for whatever it looks like: a pause may still wait at the master, and this comes behind it.
          await resume(await clients.get(cluster));
        } catch (error) {
          throw explain(error, cluster, `Letting ${name} go on`);
        }
      },
    ]),
  );

/** Refuses what a cluster has not, or what our user may not pause, before anything is changed. */
export const refuseUnpausable = async (
  clients: ClusterClients,
  clusters: readonly string[],
  wanted: readonly Pausable[],
): Promise<void> => {
  for (const cluster of clusters) {
    for (const what of wanted) {
      const { name, isPaused, privilege } = pauses[what];
      try {
        await isPaused(await clients.get(cluster));
      } catch (error) {
        const told = explain(error, cluster, `Looking at ${name} for --pause ${what}`);
        throw new RemoraError(told.code === 'elasticsearch-error' ? 'preflight-failed' : told.code, told.message, {
          hint:
            statusOf(error) === 403
              ? `Give the user of cluster ${cluster} the cluster privilege ${privilege}.`
              : `Leave out --pause ${what} where Elasticsearch has no ${name}.`,
          cause: error,
        });
      }
    }
  }
};
