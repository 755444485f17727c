/** Shorter values are not looked for: they would tear ordinary words out of the log, and none that we make is so short. */
const SHORTEST = 6;

/** Removes known secret values from what is about to be logged: a second line of defence behind references, which are the first. */
export interface Redactor {
  /** Looks for this value from now on, also in base64, JSON and percent encoding. */
  add(value: Buffer | string, reference: string): void;
  /** The text with every known value replaced by its reference in brackets. */
  text(text: string): string;
}

/** The ways in which one value may turn up in a line of log. */
const formsOf = (value: Buffer | string): Set<string> => {
  const bytes = Buffer.from(value);
  const text = bytes.toString('utf8');
  const forms = new Set([bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')]);
  if (Buffer.from(text, 'utf8').equals(bytes)) {
    const trimmed = text.trim();
    forms.add(trimmed).add(JSON.stringify(trimmed).slice(1, -1)).add(encodeURIComponent(trimmed.toWellFormed()));
  }
  for (const form of forms) if (form.length < SHORTEST) forms.delete(form);
  return forms;
};

/**
 * A redactor of the values that this process resolved. At most `limit` encoded forms are kept, the oldest go first. The forms are found by their first six
 * characters, so a text costs one look-up a character however many values are known.
 */
export const createRedactor = (limit = 20_000): Redactor => {
  const references = new Map<string, string>();
  const byStart = new Map<string, string[]>();

  const drop = (form: string): void => {
    const start = form.slice(0, SHORTEST);
    const rest = (byStart.get(start) ?? []).filter((other) => other !== form);
    if (rest.length > 0) byStart.set(start, rest);
    else byStart.delete(start);
    references.delete(form);
  };

  const keep = (form: string, reference: string): void => {
    if (references.has(form)) drop(form);
    references.set(form, reference);
    const start = form.slice(0, SHORTEST);
    // Longest first: of two values that begin alike, the longer one must not be left half in the text.
    byStart.set(
      start,
      [...(byStart.get(start) ?? []), form].sort((a, b) => b.length - a.length),
    );
    const oldest = references.keys().next();
    if (references.size > limit && !oldest.done) drop(oldest.value);
  };

  const text = (input: string): string => {
    let output = '';
    let copied = 0;
    for (let at = 0; at + SHORTEST <= input.length; at += 1) {
      const form = byStart.get(input.slice(at, at + SHORTEST))?.find((candidate) => input.startsWith(candidate, at));
      if (form === undefined) continue;
      output += `${input.slice(copied, at)}[${references.get(form)}]`;
      copied = at + form.length;
      at = copied - 1;
    }
    return output + input.slice(copied);
  };

  return {
    add(value, reference) {
      for (const form of formsOf(value)) keep(form, reference);
    },
    text: (input) => (references.size === 0 ? input : text(input)),
  };
};
