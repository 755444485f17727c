import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

const reading = async <T>(path: string, flag: string, read: () => Promise<T>): Promise<T> => {
  try {
    return await read();
  } catch (error) {
    throw new RemoraError('bad-input', `${flag} ${path} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
};

/** Reads a file that a flag names, or stdin for `-`; throws `bad-input` that names the flag. */
export const readInput = (path: string, flag: string): Promise<string> =>
  reading(path, flag, () => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')));

/** The bytes of a file that a flag names. */
export const readBytes = (path: string, flag: string): Promise<Buffer> => reading(path, flag, () => readFile(path));

/** A secret from a file or stdin, without the one line break that editors and `echo` add; throws when nothing is left. */
export const readSecret = async (path: string, flag: string): Promise<string> => {
  const value = (await readInput(path, flag)).replace(/\r?\n$/, '');
  if (value === '') throw new RemoraError('bad-input', `${flag} ${path} is empty.`);
  return value;
};

/** A JSON object from a file. */
export const readJsonObject = async (path: string, flag: string): Promise<Record<string, unknown>> => {
  const content = await readInput(path, flag);
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch (error) {
    throw new RemoraError('bad-input', `${flag} ${path} is not JSON: ${messageOf(error)}.`, { cause: error });
  }
  throw new RemoraError('bad-input', `${flag} ${path} is JSON, but not an object.`);
};

/** For flags that take a list: separated by commas, and the flag may come again. */
export const addToList = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  ...value.split(',').map((part) => part.trim()),
];

/** For flags that take a whole number. */
export const wholeNumber =
  (flag: string, highest: number) =>
  (value: string): number => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : 0;
    if (number >= 1 && number <= highest) return number;
    throw new RemoraError('bad-input', `${flag} ${value}: write a whole number between 1 and ${highest}.`);
  };

/** Leaves out what was not given: an absent flag keeps its default on the server. */
export const given = <T extends object>(values: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
