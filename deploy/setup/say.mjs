/** Why set-up can't go on, in one sentence that names what to do; shown without a stack. */
export class SetupError extends Error {}

/** One line on stderr: stdout belongs to the command that is set up for. @param {string} line */
export function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}
