import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { checkExtraSetting, connectionModes } from '../connection-settings.ts';
import { parseAlias, parseClusterName } from '../values/names.ts';
import { checkAddresses, parseMode } from './connect-request.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });

/**
 * What `connect --auth certificate` asks for: the local cluster shall reach the remote one by the transport ports, each side trusting the other's transport CA. Who may
 * read what is decided by roles of the same name on both sides, so nothing is granted here.
 */
export const CertificateConnectRequest = Type.Object(
  {
    local: Text,
    remote: Text,
    alias: Text,
    mode: Type.Enum([...connectionModes]),
    /** `HOST:PORT` each, sniff mode only. Absent: the publish addresses of the remote nodes' transport ports. */
    seeds: Type.Optional(Type.Array(Text, { minItems: 1, maxItems: 200 })),
    /** `HOST:PORT`, proxy mode only and required there. */
    proxyAddress: Type.Optional(Text),
    /** Host name sent in SNI, proxy mode only. */
    serverName: Type.Optional(Text),
    skipUnavailable: Type.Optional(Type.Boolean()),
    /** Further settings of `cluster.remote.ALIAS.`, by the rest of their name. */
    set: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false },
);
export type CertificateConnectRequest = Static<typeof CertificateConnectRequest>;

/** Whether the request makes sense by itself. Throws `bad-input` that names the flag and what to do. */
export const checkCertificateConnectRequest = (request: CertificateConnectRequest): void => {
  parseClusterName(request.local);
  parseClusterName(request.remote);
  if (request.local === request.remote)
    throw new RemoraError(
      'bad-input',
      `The local and the remote cluster are both "${request.local}": a connection needs two different clusters.`,
    );
  parseAlias(request.alias);
  parseMode(request.mode);
  checkAddresses(request);
  for (const [key, value] of Object.entries(request.set ?? {})) checkExtraSetting(key, value, request.mode);
};
