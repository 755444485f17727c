import { RemoraError } from '@remora/shared/errors.ts';
import type { Register } from '../frame/register.ts';

/** The agent is a bundle of its own, which `bin/remora` starts before this program is loaded: only who calls the program directly gets here. */
export const register: Register = (command) => {
  command
    .argument('[arguments...]', '`join` or `run`, with their flags')
    .allowUnknownOption()
    .action(() => {
      throw new RemoraError('bad-input', "The agent does not run from the coordinator's program.", {
        hint: 'Call `bin/remora agent …`, or the bundle agent/dist/remora-agent.mjs itself.',
      });
    });
};
