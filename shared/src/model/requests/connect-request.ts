import Type, { type Static } from 'typebox';
import { RemoraError } from '../../errors.ts';
import { parseIdentity } from '../certificates/certificate-identity.ts';
import { parseSubject } from '../certificates/distinguished-name.ts';
import { type ConnectionMode, checkExtraSetting, connectionModes } from '../connection-settings.ts';
import { checkAccessFile } from '../keys/access-file.ts';
import { patternProblem } from '../keys/index-pattern.ts';
import { isElasticCloud, parseAddress, parseHost } from '../values/address.ts';
import { parseDuration, parseValidity } from '../values/duration.ts';
import { isCaName, parseAlias, parseClusterName, parseNodeName } from '../values/names.ts';

const Text = Type.String({ minLength: 1, maxLength: 1024 });
const Texts = Type.Array(Text, { minItems: 1, maxItems: 200 });

/**
 * What `connect` asks for: the local cluster shall reach the remote one under an alias. Names, addresses and patterns are text as the user gave them;
 * `checkConnectRequest` says whether they make sense together.
 */
export const ConnectRequest = Type.Object(
  {
    local: Text,
    remote: Text,
    alias: Text,
    mode: Type.Enum([...connectionModes]),
    /** `HOST:PORT` each, sniff mode only. Absent: the publish addresses of the remote nodes. */
    seeds: Type.Optional(Texts),
    /** `HOST:PORT`, proxy mode only and required there. */
    proxyAddress: Type.Optional(Text),
    /** Host name sent in SNI, proxy mode only. */
    serverName: Type.Optional(Text),
    /** Index patterns that the key may search. */
    search: Type.Optional(Texts),
    /** Index patterns that the key may replicate. */
    replication: Type.Optional(Texts),
    /** The `access` object of the create cross-cluster API key API, instead of `search` and `replication`. */
    access: Type.Optional(Type.Object({}, { additionalProperties: true })),
    /** Life time of the key, for example `90d`. Absent: no end. */
    expires: Type.Optional(Text),
    /** Stored with the key. */
    metadata: Type.Optional(Type.Object({}, { additionalProperties: true })),
    /** Regular expression that the subject of the local cluster's signing certificate must match. */
    certificateIdentity: Type.Optional(Text),
    /** The CA that signs the local nodes' signing certificates. Absent: one of Remora's own. Any of these four has requests signed. */
    signingCa: Type.Optional(Text),
    /** Subject of these certificates, as RFC 2253 writes it. Absent: the one that they have, or one that matches. */
    signingSubject: Type.Optional(Text),
    /** How long they are valid, for example `90d`. Absent: as long as those that there are, else 365 days. */
    signingValidity: Type.Optional(Text),
    /**
     * Ids of signing certificates that this CA signed elsewhere, as `certs requests` lists them, for the local nodes after which they are called; empty for the newest of each
     * node. Absent: the CA signs others, and those that were given stay.
     */
    signingGiven: Type.Optional(Type.Array(Text, { maxItems: 1000 })),
    skipUnavailable: Type.Optional(Type.Boolean()),
    /** Further settings of `cluster.remote.ALIAS.`, by the rest of their name. */
    set: Type.Optional(Type.Record(Type.String(), Type.String())),
    /** The CA that signs the remote nodes' certificates. Absent: one of Remora's own. */
    ca: Type.Optional(Text),
    /**
     * Ids of certificates that this CA signed elsewhere, as `certs requests` lists them, which are placed on the remote nodes after which they are called; empty for the
     * newest of each node. Absent: the CA signs others.
     */
    given: Type.Optional(Type.Array(Text, { maxItems: 1000 })),
    /**
     * Of a local cluster that is a deployment: the CA of what stands before the remote cluster, or `public` for one that everybody trusts. Absent: the CA of the remote
     * nodes' certificates.
     */
    proxyCa: Type.Optional(Text),
    /** How long the remote nodes' certificates are valid, for example `90d`. Absent: as long as those that they have, else 365 days. */
    certValidity: Type.Optional(Text),
    /** Further names in the remote nodes' certificates; `*.` at the front is allowed. */
    sans: Type.Optional(Texts),
    /** `remote_cluster.host` of the remote nodes, where none stands in their files. */
    remoteHost: Type.Optional(Text),
    /** `remote_cluster.port` of the remote nodes, where none stands in their files. */
    remotePort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
    /**
     * The alias stands in elasticsearch.yml of these local nodes, which alone connect then; `all`: of every one with the role remote_cluster_client. Absent: in the cluster's
     * settings.
     */
    staticNodes: Type.Optional(Type.Union([Type.Literal('all'), Texts])),
    /** Only these nodes are changed, `NODE` or `CLUSTER/NODE` each; what concerns all of them is left. Absent: all. */
    nodes: Type.Optional(Type.Array(Text, { minItems: 1, maxItems: 2000 })),
  },
  { additionalProperties: false },
);
export type ConnectRequest = Static<typeof ConnectRequest>;

function refuse(message: string, hint?: string): never {
  throw new RemoraError('bad-input', message, hint === undefined ? {} : { hint });
}

/** Reads a connection mode; throws `bad-input`. */
export const parseMode = (text: string): ConnectionMode =>
  connectionModes.find((mode) => mode === text) ??
  refuse(`"${text}" is not a connection mode: write --mode sniff or --mode proxy.`);

/**
 * Whether the request makes sense by itself, before any cluster is looked at. Throws `bad-input` that names the flag and what to do. The CLI and the
 * server both call it, so the answer is the same whichever way a request comes in.
 */
export const checkConnectRequest = (request: ConnectRequest): void => {
  parseClusterName(request.local);
  parseClusterName(request.remote);
  if (request.local === request.remote) {
    refuse(`The local and the remote cluster are both "${request.local}": a connection needs two different clusters.`);
  }
  parseAlias(request.alias);
  parseMode(request.mode);
  checkAddresses(request);
  checkAccess(request);
  checkKey(request);
  checkSigning(request);
  for (const [key, value] of Object.entries(request.set ?? {})) checkExtraSetting(key, value, request.mode);
  checkRemoteServer(request);
  checkProxyCa(request);
  checkGiven(request);
  checkNodes(request);
  checkStatic(request);
};

const checkNodes = ({ nodes = [] }: ConnectRequest): void => {
  for (const name of nodes) parseNodeName(name.slice(name.indexOf('/') + 1));
};

const checkStatic = (request: ConnectRequest): void => {
  const { staticNodes } = request;
  if (staticNodes === undefined) return;
  for (const name of staticNodes === 'all' ? [] : staticNodes) parseNodeName(name);
  if (isSigned(request))
    refuse(
      '--static does not go with --certificate-identity and --signing-… flags: which file a node signs with stands in the settings of the whole cluster. Leave out one of them.',
    );
};

/** Whether the addresses are those of the mode. Throws `bad-input`. */
export const checkAddresses = ({
  mode,
  seeds,
  proxyAddress,
  serverName,
}: Pick<ConnectRequest, 'mode' | 'seeds' | 'proxyAddress' | 'serverName'>): void => {
  if (mode === 'sniff') {
    if (proxyAddress !== undefined) {
      refuse('--proxy-address belongs to proxy mode: add --mode proxy, or give --seeds instead.');
    }
    if (serverName !== undefined) refuse('--server-name belongs to proxy mode: add --mode proxy, or leave it out.');
    for (const seed of seeds ?? []) {
      if (isElasticCloud(parseAddress(seed).host))
        refuse(
          `${seed} is in Elastic Cloud, where sniff mode does not work, since its nodes are reached through a proxy only: write --mode proxy --proxy-address ${seed}.`,
        );
    }
    return;
  }
  if (seeds !== undefined) refuse('--seeds belongs to sniff mode: with --mode proxy give --proxy-address HOST:PORT.');
  if (proxyAddress === undefined) {
    refuse(
      'Proxy mode needs an address: add --proxy-address HOST:PORT, where the local nodes reach the remote cluster.',
    );
  } else parseAddress(proxyAddress);
  if (serverName !== undefined) parseHost(serverName);
};

const checkAccess = ({ search, replication, access }: ConnectRequest): void => {
  if (access !== undefined) {
    if (search || replication)
      refuse('--access stands alone: leave out --search and --replication, or leave out --access.');
    checkAccessFile(access);
    return;
  }
  if (!search?.length && !replication?.length) {
    refuse(
      'No access was given: the key of a connection must grant something.',
      'Add --search PATTERNS, --replication PATTERNS, or --access FILE.',
    );
  }
  for (const pattern of [...(search ?? []), ...(replication ?? [])]) {
    const problem = patternProblem(pattern);
    if (problem !== null) refuse(`"${pattern}" is not an index pattern: ${problem}.`);
  }
};

/** What Remora writes into the metadata of the keys that it makes. */
const keyMarks: readonly string[] = ['managed_by', 'remora'];

const checkKey = ({ expires, metadata }: ConnectRequest): void => {
  if (expires !== undefined) parseDuration(expires);
  const names = Object.keys(metadata ?? {});
  const reserved = names.find((key) => key.startsWith('_'));
  if (reserved !== undefined)
    refuse(`The metadata key "${reserved}" begins with "_", which Elasticsearch keeps for itself.`);
  const ours = names.find((key) => keyMarks.includes(key));
  if (ours !== undefined)
    refuse(`The metadata key "${ours}" is the one by which Remora marks its own keys: give yours another name.`);
};

/** Whether requests over the connection are to be signed. */
export const isSigned = (request: ConnectRequest): boolean =>
  [request.certificateIdentity, request.signingCa, request.signingSubject, request.signingValidity].some(
    (wish) => wish !== undefined,
  );

const checkSigningGiven = ({ signingCa, signingSubject, signingValidity, signingGiven }: ConnectRequest): void => {
  if (signingGiven === undefined) return;
  if (signingCa === undefined)
    refuse('--signing-files and --signing-accepted need --signing-ca NAME: the CA that signed the certificates.');
  if (signingSubject !== undefined || signingValidity !== undefined)
    refuse(
      `${signingSubject === undefined ? '--signing-validity' : '--signing-subject'} is for certificates that are made: those that are given are as they are.`,
    );
};

const checkSigning = (request: ConnectRequest): void => {
  const { certificateIdentity, signingCa, signingSubject, signingValidity } = request;
  checkSigningGiven(request);
  const identity = certificateIdentity === undefined ? undefined : parseIdentity(certificateIdentity);
  if (signingCa !== undefined && !isCaName(signingCa))
    refuse(
      `--signing-ca ${signingCa}: that is not the name of a CA. Use 1 to 63 letters, digits, "-" and "_", beginning with a letter or digit.`,
    );
  if (signingValidity !== undefined) parseValidity(signingValidity, '--signing-validity');
  if (signingSubject === undefined) return;
  parseSubject(signingSubject);
  if (identity !== undefined && !identity.test(signingSubject))
    refuse(
      `--certificate-identity ${certificateIdentity} does not match --signing-subject ${signingSubject}: the remote cluster compares the whole subject, as RFC 2253 writes it.`,
    );
};

const checkGiven = ({ ca, certValidity, sans, given }: ConnectRequest): void => {
  if (given === undefined) return;
  if (ca === undefined) refuse('--files and --accepted need --ca NAME: the CA that signed the certificates.');
  if (certValidity !== undefined || sans !== undefined)
    refuse(
      `${sans === undefined ? '--cert-validity' : '--san'} is for certificates that are made: those that are given are as they are.`,
    );
};

/** In the place of the name of a CA: one that everybody trusts. */
export const PUBLIC_CA = 'public';

const checkProxyCa = ({ proxyCa, mode }: ConnectRequest): void => {
  if (proxyCa === undefined) return;
  if (mode !== 'proxy') refuse('--proxy-ca belongs to proxy mode: add --mode proxy --proxy-address HOST:PORT.');
  if (!isCaName(proxyCa))
    refuse(`--proxy-ca ${proxyCa}: write the name of a CA of \`remora ca list\`, or ${PUBLIC_CA}.`);
};

const checkRemoteServer = ({ ca, certValidity, sans, remoteHost, remotePort }: ConnectRequest): void => {
  if (ca !== undefined && !isCaName(ca)) {
    refuse(
      `--ca ${ca}: that is not the name of a CA. \`remora ca list\` shows which there are; a new name makes a new CA.`,
    );
  }
  if (certValidity !== undefined) parseValidity(certValidity, '--cert-validity');
  for (const name of sans ?? []) parseHost(name.replace(/^\*\./, ''));
  if (remoteHost !== undefined && !/^_[A-Za-z0-9:.[\]-]+_$/.test(remoteHost)) parseHost(remoteHost);
  if (remotePort !== undefined && (!Number.isInteger(remotePort) || remotePort < 1 || remotePort > 65535)) {
    refuse(`--remote-port ${remotePort} is not a port: write a number between 1 and 65535.`);
  }
};
