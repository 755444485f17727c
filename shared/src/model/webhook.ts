import Type, { type Static } from 'typebox';
import { RemoraError } from '../errors.ts';
import { isLoopback } from './values/address.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Where news of schedules go, and what they are signed with. */
export const WebhookRequest = Type.Object(
  {
    url: Type.String({ minLength: 1, maxLength: 2048 }),
    /** As `whsec_BASE64` its bytes are the key, any other text is the key itself. */
    secret: Type.String({ minLength: 1, maxLength: 1024 }),
    /** PEM text of the CAs that its certificate is trusted by; absent: the system's. */
    caPem: Type.Optional(Type.String({ minLength: 1, maxLength: 256 * 1024 })),
  },
  { additionalProperties: false },
);
export type WebhookRequest = Static<typeof WebhookRequest>;

/** How a message went. `at` is ISO 8601. */
const Delivery = Type.Object({ at: Type.String(), type: Type.String(), detail: Type.String() });

export const WebhookView = Type.Object({
  /** Without the values of its query: `shownUrl`. */
  url: Type.String(),
  /** Reference of what messages are signed with. */
  secret: Type.String(),
  setAt: Type.String(),
  /** The newest message that was taken; null before the first. */
  delivered: Nullable(Delivery),
  /** The newest message that was given up, and why. */
  givenUp: Nullable(Delivery),
});
export type WebhookView = Static<typeof WebhookView>;

/** What came of `notify test`. */
export const WebhookTest = Type.Object({ delivered: Type.Boolean(), detail: Type.String() });
export type WebhookTest = Static<typeof WebhookTest>;

const SHORTEST_SECRET = 16;

const refuse = (message: string): never => {
  throw new RemoraError('bad-input', message);
};

/**
 * A webhook's URL for lists, logs and errors: values of its query, which may be tokens, are `…`, as is a part without a name. A name is shown where something
 * follows its `=`, since a token in Base64 may end with that.
 */
export const shownUrl = (url: string): string => {
  const start = url.search(/[?#]/);
  if (start < 0) return url;
  const parts = url.slice(start).split(/(?=[#&])/);
  return url.slice(0, start) + parts.map(shownPart).join('');
};

const shownPart = (part: string): string => {
  const [, named] = /^(.[^=]+=)[^=]/.exec(part) ?? [];
  return part.length === 1 ? part : `${named ?? part.slice(0, 1)}…`;
};

const urlOf = (text: string): URL => {
  try {
    return new URL(text);
  } catch {
    return refuse(`--url ${shownUrl(text)} is not a URL.`);
  }
};

/** Throws `bad-input` that names what is wrong; a secret is never quoted. */
export const checkWebhookRequest = ({ url: text, secret }: WebhookRequest): void => {
  const url = urlOf(text);
  if (url.username !== '' || url.password !== '')
    refuse(
      '--url holds a user or a password, which would stand in every list: what proves a message is its signature.',
    );
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
  if (!isSafe) refuse(`--url ${shownUrl(text)}: beyond this machine messages go over https only.`);
  if (secret.startsWith('whsec_') && !/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(secret))
    refuse('The secret begins with whsec_, and is not 24 to 64 bytes in Base64 after that.');
  if (secret.length < SHORTEST_SECRET)
    refuse(`The secret is shorter than ${SHORTEST_SECRET} characters: whoever guesses it can write in Remora's name.`);
};
