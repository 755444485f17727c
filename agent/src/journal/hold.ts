import { existsSync } from 'node:fs';
import { RemoraError } from '@remora/shared/errors.ts';
import type { DataDirectory } from '../data-directory.ts';

/** Whether an operator holds the node. Then no change begins; for those that a crash interrupted see recover.ts. */
export const isHeld = ({ hold }: DataDirectory): boolean => existsSync(hold);

/** Refuses a change of a node that is held. */
export const refuseHeld = (directory: DataDirectory): void => {
  if (!isHeld(directory)) return;
  throw new RemoraError(
    'preflight-failed',
    `This node is held by the file ${directory.hold}: nothing is changed while it stands.`,
    { hint: 'Remove the file when the node may be changed again.' },
  );
};
