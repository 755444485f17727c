import { formatAddress } from '@remora/shared/model/values/address.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import type { CertificateRecord } from '../../../coordinator/src/plan/records.ts';
import { listening, type NodeWorld, type World } from './world.ts';

const BUNDLE = 'remora-remote-cluster-cas.crt';
const SERVER = 'remora-remote-cluster-server.p12';

export const fingerprintOf = (world: World, ca: string): string =>
  world.cas.find(({ name }) => name === ca)?.facts.fingerprint256 ?? 'none';

/** The CA that signed what a remote node serves; undefined where it serves nothing of ours. */
export const servedBy = (world: World, node: NodeWorld): string | undefined =>
  world.issuers[node.files[SERVER]?.source ?? ''];

/** Pairs of a node that connects and one that serves, of which the first does not trust what the second serves. */
export const distrust = (world: World): string[] =>
  world.local.nodes
    .filter(({ roles, files }) => roles.includes('remote_cluster_client') && BUNDLE in files)
    .flatMap((local) =>
      world.remote.nodes.flatMap((remote) => {
        const ca = servedBy(world, remote);
        const isTrusted = ca === undefined || local.files[BUNDLE]?.certificates.includes(fingerprintOf(world, ca));
        return isTrusted ? [] : [`${local.name} does not trust ${remote.name} (${ca})`];
      }),
    );

/** Where people placed what Remora did not make, in the cases that have such. */
export const handMade = { server: 'theirs.p12', authorities: 'theirs.crt' } as const;

const trusts = (world: World, node: NodeWorld): boolean => {
  const authorities = node.running.settings['xpack.security.remote_cluster_client.ssl.certificate_authorities'];
  const needed = world.certificates.map(({ ca }) => world.cas.find(({ name }) => name === ca)?.facts.fingerprint256);
  const named = Array.isArray(authorities) ? authorities : [authorities];
  if (named.includes(handMade.authorities) && world.certificates.length === 0) return true;
  return (
    named.includes(BUNDLE) &&
    needed.every((fingerprint) => node.files[BUNDLE]?.certificates.includes(fingerprint ?? 'none'))
  );
};

const authenticates = (world: World, node: NodeWorld, alias: string): boolean =>
  node.running.credentials[alias] === null
    ? world.handMadeKey?.usable === true
    : world.keys.some(({ usable, record }) => usable && record.secret === node.running.credentials[alias]);

/** The setting that names the file of its certificate. */
const fileSetting = ({ key }: CertificateRecord): string =>
  `xpack.security.remote_cluster_server.ssl.${key ? 'certificate' : 'keystore.path'}`;

/** The node serves the file that is on record for it, PKCS#12 or PEM with the key that belongs to it, under a name that the certificate covers. */
export const serves = (world: World, node: NodeWorld): boolean => {
  const record = world.certificates.find((one) => one.node === node.name);
  const server = listening(node);
  const path = node.running.settings['xpack.security.remote_cluster_server.ssl.keystore.path'];
  if (record === undefined && path === handMade.server) return server !== null && path in node.files;
  return (
    record !== undefined &&
    server !== null &&
    node.running.settings[fileSetting(record)] === record.path &&
    node.files[record.path]?.source === record.p12Secret &&
    (record.key === undefined || node.files[record.key.path]?.source === record.key.secret) &&
    server.names.every((name) => record.names.includes(name.toLowerCase()))
  );
};

/** The setting with which a cluster signs for an alias, and that by which one takes signatures. */
const signSetting = (alias: string): string => `cluster.remote.${alias}.signing.keystore.path`;
const TRUST_SETTING = 'cluster.remote.signing.certificate_authorities';

/** What a node's requests are signed with; undefined where they are not, also where it cannot read its file: it does not say so. */
const signatureOf = (world: World, node: NodeWorld, alias: string): World['signatures'][string] | undefined => {
  const path = world.local.hidden[signSetting(alias)];
  const signature = path === undefined ? undefined : world.signatures[node.files[path]?.source ?? ''];
  return signature?.password === node.running.signingPasswords[alias] ? signature : undefined;
};

/** A signature that is not taken is refused even where none is demanded. */
const isTaken = (world: World, ca: string): boolean => {
  const path = world.remote.hidden[TRUST_SETTING];
  return (
    path !== undefined &&
    world.remote.nodes.every(({ files }) => files[path]?.certificates.includes(fingerprintOf(world, ca)))
  );
};

const signsAsDemanded = (world: World, node: NodeWorld, alias: string): boolean => {
  const signature = signatureOf(world, node, alias);
  const key = world.keys.find(({ record }) => record.secret === node.running.credentials[alias]);
  if (signature !== undefined && !isTaken(world, signature.ca)) return false;
  if (key?.certificateIdentity === undefined) return true;
  return signature !== undefined && new RegExp(`^(?:${key.certificateIdentity})$`).test(signature.subject);
};

/** A node takes each setting from those of its cluster, and else what it read in elasticsearch.yml at its start. */
const reaches = (world: World, node: NodeWorld, alias: string): boolean => {
  const prefix = `cluster.remote.${alias}`;
  const settings: Record<string, SettingValue> = { ...node.running.settings, ...world.local.persistent };
  if (settings[`${prefix}.mode`] === 'proxy') return settings[`${prefix}.proxy_address`] !== undefined;
  const seeds = settings[`${prefix}.seeds`] ?? [];
  const addresses = world.remote.nodes.flatMap((node) => {
    const server = listening(node);
    return server?.names.map((host) => formatAddress({ host, port: server.port })) ?? [];
  });
  return [seeds].flat().length > 0 && [seeds].flat().every((seed) => addresses.includes(String(seed)));
};

/** Nodes that are to connect by this alias: all that can, but of one in files of nodes those. */
const connectors = (world: World, alias: string): NodeWorld[] => {
  const only = world.connections.find((one) => one.alias === alias)?.staticNodes ?? 'all';
  return world.local.nodes.filter(
    ({ name, roles }) => roles.includes('remote_cluster_client') && (only === 'all' || only.includes(name)),
  );
};

/** Whether a request crosses now, whatever is on record: it may be of a certificate that is yet to be placed. */
export const works = (world: World, alias: string): boolean =>
  isConnectedDeployment(world, alias) &&
  distrust(world).length === 0 &&
  connectors(world, alias).every((node) => reaches(world, node, alias) && authenticates(world, node, alias));

/** A deployment has the key in its keystore, and trusts what it connects to. */
const isConnectedDeployment = (world: World, alias: string): boolean => {
  const { deployment } = world.local;
  if (deployment === undefined) return true;
  const { entries, written, direct } = deployment;
  const served = world.remote.nodes.flatMap((node) => servedBy(world, node) ?? []);
  const needed = world.proxyCa === undefined ? served : [world.proxyCa];
  const pems = needed.map((name) => world.cas.find((ca) => ca.name === name)?.certificatePem);
  const trusted = direct.filter(({ type }) => type === 'proxy').flatMap(({ certificates }) => certificates);
  return (
    world.local.persistent[`cluster.remote.${alias}.proxy_address`] !== undefined &&
    entries.includes(`cluster.remote.${alias}.credentials`) &&
    world.keys.some(({ usable, record }) => usable && record.secret === written[alias]) &&
    (world.proxyCa === 'public' || pems.every((pem) => trusted.some((one) => one.pem === pem)))
  );
};

/** Whether a request over this alias would be answered from every connecting node: the truth that a proof finds out. */
export const isConnected = (world: World, alias: string): boolean =>
  isConnectedDeployment(world, alias) &&
  world.remote.nodes.every((node) => serves(world, node)) &&
  connectors(world, alias).every(
    (node) =>
      reaches(world, node, alias) &&
      trusts(world, node) &&
      authenticates(world, node, alias) &&
      signsAsDemanded(world, node, alias),
  );
