import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf, RemoraError } from '@remora/shared/errors.ts';

/** Reads a file that a flag names, or stdin for `-`; throws `bad-input` that names the flag. */
export const readInput = async (path: string, flag: string): Promise<string> => {
  try {
    return path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw new RemoraError('bad-input', `${flag} ${path} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
};

/** The bytes of a file that a flag names. */
export const readBytes = async (path: string, flag: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    throw new RemoraError('bad-input', `${flag} ${path} cannot be read: ${messageOf(error)}.`, { cause: error });
  }
};

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
