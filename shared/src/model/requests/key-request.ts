import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseDuration, parseDurationOrNone } from '../values/duration.ts';
import { parseAlias, parseClusterName } from '../values/names.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });

/** The keys of which connections `api-keys rotate` replaces: that of one, those that end within a time or are due, or all. */
export const KeyRotateRequest = Type.Object(
  {
    /** A local cluster: with an alias one connection, else the connections of this cluster. */
    local: Type.Optional(Text),
    alias: Type.Optional(Text),
    /** Keys that end within this time, a duration like `14d`, or have ended. */
    expiring: Type.Optional(Text),
    /** Keys of which two thirds of their life are over. */
    due: Type.Optional(Type.Literal(true)),
    all: Type.Optional(Type.Literal(true)),
    /** How long the new keys live, a duration like `90d`; absent: as long as the connection was given, counted from now. */
    expires: Type.Optional(Text),
    /** How long the old key lives on once every node has proven the new one, a duration or `0s`; absent: `DEFAULT_GRACE`. */
    grace: Type.Optional(Text),
    /** Agents of nodes that connect may be away: these nodes are left until the agents are back, and the old key lives until then. */
    waitOffline: Type.Optional(Type.Literal(true)),
    /** Connections whose key cannot be replaced now are left, with a warning each. */
    asFarAsPossible: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type KeyRotateRequest = Static<typeof KeyRotateRequest>;

/** Requests that were sent with the old key are answered by then. */
export const DEFAULT_GRACE = '10s';
const LONGEST_GRACE_MS = 3_600_000;

const whichHint = 'Give LOCAL and ALIAS of one connection, --expiring TIME, --due or --all.';

/** Throws `bad-input` that names what is wrong. */
export const checkKeyRotateRequest = (wish: KeyRotateRequest): void => {
  const { local, alias, expiring, due, all, expires, grace } = wish;
  if (local !== undefined) parseClusterName(local);
  if (alias !== undefined) parseAlias(alias);
  if (expiring !== undefined) parseDuration(expiring);
  if (expires !== undefined) parseDuration(expires);
  if (grace !== undefined && parseDurationOrNone(grace) > LONGEST_GRACE_MS)
    throw new RemoraError('bad-input', `--grace ${grace}: the run holds its clusters meanwhile; one hour at most.`);
  if (alias !== undefined && local === undefined)
    throw new RemoraError('bad-input', `Which connection? Alias "${alias}" belongs to a local cluster.`, {
      hint: whichHint,
    });
  const ways = [alias, expiring, due, all].filter((one) => one !== undefined).length;
  if (ways === 1) return;
  throw new RemoraError(
    'bad-input',
    ways === 0
      ? 'Which keys? Nothing says which ones are to be replaced.'
      : 'Which keys? An alias, --expiring, --due and --all each say which ones: give one of them.',
    { hint: whichHint },
  );
};

/** The connection whose keys `api-keys revoke` invalidates at once. */
export const KeyRevokeRequest = Type.Object({ local: Text, alias: Text }, { additionalProperties: false });
export type KeyRevokeRequest = Static<typeof KeyRevokeRequest>;

/** Throws `bad-input` that names what is wrong. */
export const checkKeyRevokeRequest = ({ local, alias }: KeyRevokeRequest): void => {
  parseClusterName(local);
  parseAlias(alias);
};
