import { parseSettings } from './read/parse.ts';
import { applySplices, type Splice } from './read/source-text.ts';
import { isSecretName } from './secret-names.ts';

const MASK = '***';

/** Each line of a value masked, so that lines keep their numbers. */
const masked = (text: string): string => text.replace(/[^\r\n]+/g, MASK);

/** `user:password@` of a URL. */
const withoutUserInfo = (line: string): string => line.replace(/\/\/[^\s/@]+@/g, `//${MASK}@`);

/**
 * The lines of an elasticsearch.yml for people: values under the name of a secret, comments that speak of one (a setting that was commented out, say) and
 * passwords in URLs are masked. As many lines as the text has.
 * @throws {SettingsFileError} when the text cannot be read.
 */
export const maskedLines = (text: string): string[] => {
  const body = text.replace(/^\uFEFF/, '');
  const { settings, comments } = parseSettings(body);
  const splices: Splice[] = [];
  for (const [name, { value }] of settings) {
    if (!isSecretName(name) || value.end === value.start) continue;
    splices.push({ start: value.start, end: value.end, text: masked(body.slice(value.start, value.end)) });
  }
  for (const { start, end } of comments) {
    const comment = body.slice(start, end);
    const isMasked = splices.some((value) => start >= value.start && start < value.end);
    if (!isMasked && isSecretName(comment)) splices.push({ start, end, text: `# ${MASK}` });
  }
  return linesOf(applySplices(body, splices)).map(withoutUserInfo);
};

/** The lines of a text without their line breaks; a last line break begins no line. */
export const linesOf = (text: string): string[] => {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
};
