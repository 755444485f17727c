import { asRemoraError } from '@remora/shared/errors.ts';
import { type CliOutcome, createCli, errorJson, errorText } from './frame/cli.ts';
import { runProgram } from './frame/program.ts';

const main = async (args: readonly string[]): Promise<number> => {
  const json = args.includes('--json');
  const outcome: CliOutcome = { code: 0 };
  try {
    await runProgram(
      args,
      createCli(() => json, outcome),
    );
    return outcome.code;
  } catch (thrown) {
    const error = asRemoraError(thrown);
    if (json) process.stdout.write(`${errorJson(error)}\n`);
    process.stderr.write(`${errorText(error)}\n`);
    if (error.code === 'internal' && thrown instanceof Error) process.stderr.write(`${thrown.stack ?? ''}\n`);
    return error.kind.exit;
  }
};

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await main(process.argv.slice(2));
