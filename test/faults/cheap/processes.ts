import { allPids, argumentsOf, variableOf } from '../../../agent/src/system/process-table.ts';

/** Living processes of the cheap node for a configuration directory: the node itself, the scripts that start it, its keystore tool. */
export const processesFor = (configDir: string): number[] =>
  allPids().filter(
    (pid) =>
      variableOf(pid, 'ES_PATH_CONF') === configDir && /faults\/cheap|cheap-node/.test(argumentsOf(pid).join(' ')),
  );
