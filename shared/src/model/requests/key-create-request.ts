import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { CaText, refuseKeyAmong } from '../certificates/ca-text.ts';
import { parseClusterName } from '../values/names.ts';
import { ConnectRequest, checkConnectRequest } from './connect-request.ts';

const {
  remote,
  mode,
  proxyAddress,
  serverName,
  search,
  replication,
  access,
  expires,
  metadata,
  ca,
  given,
  certValidity,
  sans,
  remoteHost,
  remotePort,
} = ConnectRequest.properties;
const Text = Type.String({ minLength: 1, maxLength: 1024 });

/** What `api-keys create` asks for: the remote half of a connection whose local cluster others run. */
export const KeyCreateRequest = Type.Object(
  {
    ...{ remote, mode, proxyAddress, serverName, search, replication, access, expires, metadata },
    ...{ ca, given, certValidity, sans, remoteHost, remotePort },
    /** For whom: how those who run the local cluster are called here. */
    for: Text,
    /** The CAs of the certificates with which the servers are known; needed where not Remora made them. Stands in what is handed out. */
    serverCa: Type.Optional(CaText),
  },
  { additionalProperties: false },
);
export type KeyCreateRequest = Static<typeof KeyCreateRequest>;

/** The same as a connection would be asked for; its local cluster and alias are called like those for whom it is. */
export const asConnectRequest = ({ for: whom, serverCa: _, ...wish }: KeyCreateRequest): ConnectRequest => ({
  ...wish,
  local: whom,
  alias: whom,
});

/** Throws `bad-input` that names what is wrong. */
export const checkKeyCreateRequest = (wish: KeyCreateRequest): void => {
  refuseKeyAmong(wish.serverCa, '--server-ca');
  parseClusterName(wish.remote);
  if (wish.for === wish.remote)
    throw new RemoraError(
      'bad-input',
      `--for ${wish.for}: that is the remote cluster itself. Say who is to get the key.`,
    );
  checkConnectRequest(asConnectRequest(wish));
};

/** A key that was made for somebody is handed out, or invalidated. */
export const HandedKey = Type.Object({ remote: Text, for: Text }, { additionalProperties: false });
export type HandedKey = Static<typeof HandedKey>;

/** Throws `bad-input` that names what is wrong. */
export const checkHandedKey = (one: HandedKey): void => {
  parseClusterName(one.remote);
  parseClusterName(one.for);
};

export const HandOutRequest = Type.Object(
  {
    ...HandedKey.properties,
    ...{ mode, proxyAddress, serverName },
    /** PEM of the CAs of the certificates that are served, null for public ones; absent: those of Remora's own record. */
    caPem: Type.Optional(CaText),
  },
  { additionalProperties: false },
);
export type HandOutRequest = Static<typeof HandOutRequest>;
