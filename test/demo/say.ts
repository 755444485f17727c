import { styleText } from 'node:util';

const began = performance.now();

/** A heading with the seconds since the beginning. */
export const title = (text: string): void => {
  const seconds = ((performance.now() - began) / 1000).toFixed(0).padStart(4);
  console.log(`\n${styleText('dim', `${seconds} s`)}  ${styleText('bold', text)}`);
};

/** A line below a heading. */
export const line = (text: string): void => console.log(`        ${text}`);

/** The output of a command, as it was. */
export const quote = (text: string): void => {
  for (const one of text.trimEnd().split('\n')) line(styleText('dim', '│ ') + one);
};

/** What nobody should overlook. */
export const warn = (text: string): void => console.log(`\n        ${styleText(['bold', 'yellow'], `!! ${text}`)}`);

export const good = (text: string): void => line(styleText('green', text));
