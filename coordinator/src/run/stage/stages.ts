import type { AnyStep, Stage } from '../../plan/steps.ts';
import { tryRestore } from '../restore.ts';
import { StepFailure } from '../run-step.ts';
import { isPauseOf } from '../steps/node/pauses.ts';
import { haltIfCancelled } from './halt.ts';
import { runNext, type StageParts } from './next-step.ts';
import { awayOf, leaveOffline, waitsUntil } from './nodes-left.ts';
import { runRoll } from './roll-stage.ts';

/** Steps of one stage that run side by side. */
const PARALLEL = 10;

type StageRunner = (parts: StageParts, steps: readonly AnyStep[]) => Promise<void>;

const serial: StageRunner = async (parts, steps) => {
  for (const step of steps) await runNext(parts, step);
};

/** All that were begun end before the stage does, also when one fails. */
const sideBySide: StageRunner = async (parts, steps) => {
  const waiting = [...steps];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    for (let step = waiting.shift(); step && failures.length === 0; step = waiting.shift()) {
      await runNext(parts, step).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, steps.length) }, lane));
  // What failed counts more than that somebody wanted to stop.
  if (failures.length > 0) throw failures.find((failure) => failure instanceof StepFailure) ?? failures[0];
};

/** Nodes whose agents are away come last, and are left when they still are by then, if the run is to wait for such. */
const parallel: StageRunner = async (parts, steps) => {
  const away = await awayOf(parts, steps);
  await sideBySide(
    parts,
    steps.filter((step) => !away.includes(step)),
  );
  const still = await awayOf(parts, away);
  const back = away.filter((step) => !still.includes(step));
  await sideBySide(parts, back);
  const until = waitsUntil(parts);
  if (still.length === 0) return;
  // A run that was cancelled must not be taken up again for the nodes that it leaves.
  await haltIfCancelled(parts);
  if (until === null) await sideBySide(parts, still);
  else await leaveOffline(parts, still, until);
};

/**
 * What was paused for a roll goes on when the roll is over; when it does not end well, the driver puts it back with everything else. So it does with what cannot
 * be put back now: that is told, and no reason to leave undone what follows.
 */
const roll: StageRunner = async (parts, steps) => {
  await runRoll(parts, steps);
  const clusters = new Set(steps.flatMap(({ input }) => ('node' in input ? [input.cluster] : [])));
  for (const entry of [...parts.writer.restores().keys()]) {
    if (![...clusters].some((cluster) => isPauseOf(entry, cluster))) continue;
    const failure = await tryRestore(parts, entry);
    if (failure === null) continue;
    const message = `${failure} The run goes on; it is tried again at its end, and the clusters stay locked until it succeeds`;
    await parts.writer.tellNotPutBack([entry], 'running', message);
  }
};

const runners: Readonly<Record<Stage['mode'], StageRunner>> = {
  serial,
  parallel,
  roll,
};

/** Runs what is not done yet of a stage. Throws the first failure as StepFailure, and RunHalted when the run is to stop. */
export const runStage = (parts: StageParts, stage: Stage, steps: readonly AnyStep[]): Promise<void> =>
  runners[stage.mode](
    parts,
    steps.filter((step) => step.stage === stage.id),
  );
