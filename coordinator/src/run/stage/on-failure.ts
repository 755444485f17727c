import type { Clock } from '../../clock.ts';
import type { RunWriter } from '../run-writer.ts';
import { PLAN_LIMIT_MS } from './may-pass.ts';

/** Name of the run's restore entry: its clusters stay locked until its rollback is filed, and that one gets them first. */
export const ROLLBACK = 'rollback';

/** What the restorer is given: the run that failed, and until when it is tried, in ms since 1970. */
export interface Wanted {
  readonly run: string;
  readonly untilMs: number;
}

/** Notes, before it is told that the run failed, that what it did is to be taken back, if that was asked for. Whoever drives on after a crash sees to it. */
export const wantRollback = async ({
  writer,
  clock,
}: {
  readonly writer: RunWriter;
  readonly clock: Clock;
}): Promise<void> => {
  if (writer.options.onFailure !== 'rollback' || !writer.hasBegun()) return;
  await writer.setRestore(ROLLBACK, { run: writer.runId, untilMs: clock().getTime() + PLAN_LIMIT_MS } satisfies Wanted);
};
