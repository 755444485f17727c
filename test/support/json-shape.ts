/** Checks of JSON values for fakes of other companies' services: what the value does not have and what it has too much, by where that is. Null: it is as it shall be. */
export type Shape = (value: unknown, at: string) => string | null;

const is =
  (kind: string): Shape =>
  (value, at) =>
    typeof value === kind ? null : `${at} is no ${kind}`;

export const text =
  (pattern = /^/): Shape =>
  (value, at) =>
    typeof value === 'string' && pattern.test(value) ? null : `${at} is no text like ${pattern}`;
export const bool: Shape = is('boolean');
export const anything: Shape = () => null;

export const oneOf =
  (...values: readonly string[]): Shape =>
  (value, at) =>
    values.includes(String(value)) ? null : `${at} is none of ${values.join(', ')}`;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const first = (problems: readonly (string | null)[]): string | null => problems.find((one) => one !== null) ?? null;

export const list =
  (shape: Shape, least = 0): Shape =>
  (value, at) =>
    Array.isArray(value) && value.length >= least
      ? first(value.map((item, i) => shape(item, `${at}/${i}`)))
      : `${at} is no list of ${least} or more`;

/** An object whose keys are free. */
export const record =
  (shape: Shape): Shape =>
  (value, at) =>
    isObject(value)
      ? first(Object.entries(value).map(([key, item]) => shape(item, `${at}/${key}`)))
      : `${at} is no object`;

/** An object with these keys, and perhaps those, and no others. */
export const object =
  (required: Readonly<Record<string, Shape>>, optional: Readonly<Record<string, Shape>> = {}): Shape =>
  (value, at) => {
    if (!isObject(value)) return `${at} is no object`;
    const missing = Object.keys(required).find((key) => !(key in value));
    if (missing !== undefined) return `${at}/${missing} is missing`;
    const shapes = { ...required, ...optional };
    const problems = Object.entries(value).map(([key, item]) => {
      const shape = shapes[key];
      return shape ? shape(item, `${at}/${key}`) : `${at}/${key} is not known`;
    });
    return first(problems);
  };
