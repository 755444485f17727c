import type { ChangeOptions } from '@remora/shared/model/change-options.ts';
import { shellWord } from '@remora/shared/model/values/shell-word.ts';

/** An option as the flag that it was given with. */
const flagOf = ([name, value]: [string, unknown]): string => {
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return value === true ? flag : `${flag} ${shellWord([value].flat().join(','))}`;
};

/** Options as the flags that they were given with. */
export const flagsOf = (options: ChangeOptions): string[] => Object.entries(options).map(flagOf);
