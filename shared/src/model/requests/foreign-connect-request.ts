import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { CaText, refuseKeyAmong } from '../certificates/ca-text.ts';
import { checkExtraSetting, connectionModes } from '../connection-settings.ts';
import { parseAlias, parseClusterName } from '../values/names.ts';
import { parseSecretReference } from '../values/secret-reference.ts';
import { checkAddresses } from './connect-request.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });
const Texts = Type.Array(Text, { minItems: 1, maxItems: 200 });

/**
 * What `connect` with a key that was given asks for: the local cluster shall reach one that others run. The key was sent before and is named by its secret.
 */
export const ForeignConnectRequest = Type.Object(
  {
    local: Text,
    alias: Text,
    /** What people call the remote cluster; it is no name of the inventory. */
    name: Text,
    /** Its id and version, where they were told. */
    clusterUuid: Type.Optional(Text),
    version: Type.Optional(Type.String({ pattern: '^\\d+\\.\\d+\\.\\d+' })),
    mode: Type.Enum([...connectionModes]),
    /** `HOST:PORT` each; required in sniff mode. */
    seeds: Type.Optional(Texts),
    proxyAddress: Type.Optional(Text),
    serverName: Type.Optional(Text),
    skipUnavailable: Type.Optional(Type.Boolean()),
    set: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** PEM of the CAs by which its servers are known; null for public ones. */
    caPem: CaText,
    key: Type.Object(
      {
        /** `secret:…@VERSION`, as it was answered when the key was sent. */
        secret: Text,
        id: Text,
        name: Type.Optional(Text),
        /** ISO 8601; absent where it has no end, or nobody said. */
        expiresAt: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT[0-9:.]+Z$' })),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type ForeignConnectRequest = Static<typeof ForeignConnectRequest>;

/** A key that others made, as it is sent to be sealed; with `check` it is only told which secret it would be. */
export const GivenKey = Type.Object(
  {
    local: Text,
    alias: Text,
    key: Type.String({ minLength: 1, maxLength: 4096 }),
    check: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type GivenKey = Static<typeof GivenKey>;

/** Where it is kept, and which one it is. */
export const KeptKey = Type.Object({ secret: Type.String(), id: Type.String(), kept: Type.Boolean() });
export type KeptKey = Static<typeof KeptKey>;

/** Name of the secret that holds the keys which were given for a connection, a version each. */
export const givenKeyName = ({ local, alias }: Pick<GivenKey, 'local' | 'alias'>): string =>
  `connection/${local}/${alias}/given-key`;

function refuse(message: string): never {
  throw new RemoraError('bad-input', message);
}

/** Whether the request makes sense by itself. Throws `bad-input` that names what is wrong and what to do. */
export const checkForeignConnectRequest = (request: ForeignConnectRequest): void => {
  parseClusterName(request.local);
  parseAlias(request.alias);
  refuseKeyAmong(request.caPem, '--remote-ca');
  if (!/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/.test(request.name))
    refuse(
      `--remote-name "${request.name}": use 1 to 100 letters, digits, blanks, ".", "-" and "_", beginning with a letter or digit.`,
    );
  checkAddresses(request);
  if (request.mode === 'sniff' && request.seeds === undefined)
    refuse(
      'Nothing says where the remote cluster is: give --seeds HOST:PORT,…, or --mode proxy --proxy-address HOST:PORT.',
    );
  for (const [key, value] of Object.entries(request.set ?? {})) checkExtraSetting(key, value, request.mode);
  if (parseSecretReference(request.key.secret).name !== givenKeyName(request))
    refuse(`The key of the connection ${request.local}/${request.alias} is not one that was sent for it.`);
};
