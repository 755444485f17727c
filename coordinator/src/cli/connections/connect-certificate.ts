import { RemoraError } from '@remora/shared/errors.ts';
import {
  type CertificateConnectRequest,
  checkCertificateConnectRequest,
} from '@remora/shared/model/requests/certificate-connect-request.ts';
import { parseMode } from '@remora/shared/model/requests/connect-request.ts';
import { given } from '../frame/input.ts';
import type { ConnectFlags } from './connect.ts';

/** Flags that have no meaning without a key and a remote cluster server. */
const onlyForKeys = {
  ...{ search: '--search', replication: '--replication', access: '--access', expires: '--expires' },
  ...{ metadata: '--metadata', certificateIdentity: '--certificate-identity', ca: '--ca', san: '--san' },
  ...{ signingCa: '--signing-ca', signingSubject: '--signing-subject', signingValidity: '--signing-validity' },
  ...{ signingFiles: '--signing-files', signingPassphraseFile: '--signing-passphrase-file' },
  ...{ signingAccepted: '--signing-accepted' },
  ...{ certValidity: '--cert-validity', remoteHost: '--remote-host', remotePort: '--remote-port' },
  ...{ files: '--files', accepted: '--accepted', limit: '--limit', proxyCa: '--proxy-ca' },
} as const satisfies Partial<Record<keyof ConnectFlags, string>>;

/** Where nodes show no key, no node can be left out of the trust: the alias is there for all of them. */
const refuseStatic = ({ static: all, staticNodes }: ConnectFlags): void => {
  if (all === undefined && staticNodes === undefined) return;
  throw new RemoraError(
    'bad-input',
    `${all ? '--static' : '--static-nodes'} does not go with --auth certificate: that model is deprecated, and such a connection is made in the settings of the cluster alone. Leave it out, or make a connection by API key.`,
  );
};

/** What `connect --auth certificate` asks for. Throws `bad-input`, also for a flag that would be ignored. */
export const certificateRequestOf = (local: string, remote: string, flags: ConnectFlags): CertificateConnectRequest => {
  refuseStatic(flags);
  const { alias, seeds, proxyAddress, serverName, skipUnavailable, set } = flags;
  const names = Object.keys(onlyForKeys) as (keyof typeof onlyForKeys)[];
  const other = names.find((name) => flags[name] !== undefined);
  if (other !== undefined)
    throw new RemoraError(
      'bad-input',
      `${onlyForKeys[other]} does not go with --auth certificate: such a connection has no key and no certificates of its own, and is made on all nodes of both clusters. Leave it out.`,
    );
  const mode = parseMode(flags.mode);
  const wish = { local, remote, alias, mode, seeds, proxyAddress, serverName, skipUnavailable, set };
  const request = given<CertificateConnectRequest>(wish);
  checkCertificateConnectRequest(request);
  return request;
};
