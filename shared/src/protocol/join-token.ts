import { RemoraError } from '../errors.ts';
import type { JoinToken } from './enrol.ts';

const PREFIX = 'rmr1';

/** `rmr1.` and base64url of a JSON object with one-letter keys: short enough to paste. */
export const formatJoinToken = (token: JoinToken): string =>
  `${PREFIX}.${btoa(JSON.stringify({ u: token.url, f: token.caFingerprint, i: token.id, s: token.secret }))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')}`;

/** Reads a join token; throws `bad-input` without quoting it. */
export const parseJoinToken = (text: string): JoinToken => {
  const [prefix, body, ...rest] = text.trim().split('.');
  if (prefix !== PREFIX || !body || rest.length > 0) {
    throw new RemoraError('bad-input', 'That is not a join token: it begins with "rmr1." and is one line.', {
      hint: 'Make one with `remora tokens create --cluster NAME`.',
    });
  }
  try {
    const value = JSON.parse(atob(body.replaceAll('-', '+').replaceAll('_', '/'))) as Record<string, unknown>;
    const field = (key: string): string => {
      const text = value[key];
      if (typeof text !== 'string' || text === '') throw new Error(`lacks ${key}`);
      return text;
    };
    return { url: field('u'), caFingerprint: field('f'), id: field('i'), secret: field('s') };
  } catch {
    throw new RemoraError('bad-input', 'The join token is damaged: a part of it is missing.', {
      hint: 'Copy it whole, or make a new one with `remora tokens create --cluster NAME`.',
    });
  }
};
