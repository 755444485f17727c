import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { RemoraError } from '../../errors.ts';
import { connectionModes } from '../connection-settings.ts';
import { keyIdIn } from './encoded-key.ts';

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** What those who run the remote cluster hand over to those who run the local one. It holds the key itself. */
export const KeyBundle = Type.Object({
  format: Type.Literal('remora-remote-key'),
  version: Type.Literal(1),
  /** For whom the key was made, as they are called there. */
  for: Type.String(),
  remote: Type.Object({ name: Type.String(), clusterUuid: Type.String(), version: Type.String() }),
  key: Type.Object({
    id: Type.String(),
    name: Type.String(),
    /** ISO 8601; null for no end. */
    expiresAt: Nullable(Type.String()),
    /** As the create cross-cluster API key API has it. */
    access: Type.Unknown(),
    encoded: Type.String(),
  }),
  /** PEM of the CAs that signed what the remote cluster server serves; null where public ones did. */
  ca: Nullable(Type.String()),
  mode: Type.Enum([...connectionModes]),
  /** `HOST:PORT` each, as the remote nodes publish them; none in proxy mode. */
  seeds: Type.Array(Type.String()),
  proxyAddress: Nullable(Type.String()),
  serverName: Nullable(Type.String()),
});
export type KeyBundle = Static<typeof KeyBundle>;

const refuse = (source: string, why: string): never => {
  throw new RemoraError('bad-input', `${source} ${why}.`, {
    hint: 'Give what `remora api-keys create REMOTE --out FILE` wrote, or the encoded key alone.',
  });
};

/** Reads a bundle; `source` begins the sentence of what is wrong. Throws `bad-input`, and never quotes the key. */
export const parseKeyBundle = (text: string, source: string): KeyBundle => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse(source, 'begins like JSON and is none: it was cut off or changed');
  }
  const { format, version } = value as { readonly format?: unknown; readonly version?: unknown };
  if (format !== 'remora-remote-key') return refuse(source, 'is JSON, but no bundle of a key');
  if (version !== 1)
    return refuse(source, `is a bundle of version ${JSON.stringify(version)}, and this release reads version 1`);
  if (!Value.Check(KeyBundle, value)) return refuse(source, 'is a bundle in which something is missing or wrong');
  if (keyIdIn(value.key.encoded) !== value.key.id) return refuse(source, 'holds another key than it says');
  return value;
};
