import { parseSecretReference } from '@remora/shared/model/values/secret-reference.ts';
import type { ChangeOperation, OperationCall, SecretText } from '@remora/shared/operations.ts';
import type { SettingValue } from '@remora/shared/settings.ts';
import type { CertificateIssue } from '../../../coordinator/src/plan/certificates/certificate-issue.ts';
import {
  type ConnectionRecord,
  isByCertificate,
  isForeign,
} from '../../../coordinator/src/plan/connection/connection-records.ts';
import type { AnyStep, StepInputs, StepKind } from '../../../coordinator/src/plan/steps.ts';
import { caCertificateSecret, caKeySecret, importedCaSecrets } from '../../../coordinator/src/plan/trust/ca-names.ts';
import { certificateFacts, ymlDigest } from './facts.ts';
import { fingerprintOf, isConnected, servedBy, serves } from './truth.ts';
import { clusterOf, deploymentIn, listening, type NodeWorld, nodeOf, type World } from './world.ts';

/**
 * What each step does to the model: the same effects as the executors' on real clusters, and as strict (a secret that was not minted, a file that was edited
 * meanwhile, settings of the other mode, a proof that does not hold are errors).
 */

const DAY_MS = 86_400_000;
const ALIAS_SETTING = /^cluster\.remote\.([^.]+)\.credentials$/;
const PASSWORD_SETTING = /^cluster\.remote\.([^.]+)\.signing\.keystore\.secure_password$/;

const mint = (world: World, reference: string): void => {
  const { name, version = 1 } = parseSecretReference(reference);
  if (version <= -(world.secretVersions[name] ?? 0))
    throw new Error(`${reference} was removed and cannot be written again`);
  world.secretVersions[name] = Math.max(world.secretVersions[name] ?? 0, version);
};

const mustExist = (world: World, reference: string): void => {
  const { name, version } = parseSecretReference(reference);
  if ((world.secretVersions[name] ?? 0) < (version ?? 1)) throw new Error(`${reference} was never minted`);
};

const references = (text: SecretText): string[] => (typeof text === 'string' ? [] : [text.$secret].flat());

/** Of certificates in this model, whose bytes are their fingerprint. */
const fingerprintsIn = (content: string): string[] =>
  Buffer.from(content, 'base64')
    .toString()
    .split(/-----(?:BEGIN|END) CERTIFICATE-----/)
    .filter((_, i) => i % 2 === 1)
    .map((pem) => Buffer.from(pem, 'base64').toString());

const restart = (world: World, node: NodeWorld): void => {
  node.startedAtMs = world.nowMs + 1000;
  node.pid += 10_000;
  node.agentPid = node.pid;
  const values = Object.entries({ ...node.yml.values, ...node.commandLine }).filter(
    (entry): entry is [string, SettingValue] => entry[1] !== null,
  );
  node.running.settings = Object.fromEntries(values);
  node.running.certificatePaths = values
    .filter(([name]) => /keystore\.path$|certificate_authorities$/.test(name))
    .flatMap(([, value]) => [value].flat().map(String))
    .map((path) => path.replace(`\${ES_PATH_CONF}`, '/etc/elasticsearch'));
  loadSecure(node);
};

const loadSecure = (node: NodeWorld): void => {
  const loaded = (setting: RegExp): Record<string, string | null> =>
    Object.fromEntries(
      Object.entries(node.keystore.entries).flatMap(([name, { reference }]) => {
        const alias = setting.exec(name)?.[1];
        return alias === undefined ? [] : [[alias, reference]];
      }),
    );
  node.running.credentials = loaded(ALIAS_SETTING);
  node.running.signingPasswords = loaded(PASSWORD_SETTING);
};

/** A node that cannot find the file of a setting takes no state of its cluster any more. */
const checkNamed = ({ local, remote }: World): void => {
  for (const { nodes, hidden } of [local, remote])
    for (const path of Object.values(hidden))
      for (const { name, files } of nodes) if (!(path in files)) throw new Error(`${name} has no file ${path}`);
};

const operation = (world: World, node: NodeWorld, { name, input }: OperationCall<ChangeOperation>): void => {
  if (name === 'files') {
    for (const path of input.remove) delete node.files[path];
    for (const file of input.write) {
      for (const reference of references(file.content)) mustExist(world, reference);
      const fingerprints =
        typeof file.content === 'string'
          ? fingerprintsIn(file.content)
          : references(file.content).flatMap(
              (reference) => world.cas.find((ca) => ca.certificate === reference)?.facts.fingerprint256 ?? [],
            );
      node.files[file.path] = { source: file.source, certificates: fingerprints };
    }
  }
  if (name === 'settings') {
    if (input.expectDigest !== undefined && input.expectDigest !== ymlDigest(node))
      throw new Error(`elasticsearch.yml of ${node.name} is another by now`);
    Object.assign(node.yml.values, input.set);
    for (const gone of input.remove) delete node.yml.values[gone];
    node.yml.modifiedAtMs = world.nowMs;
  }
  if (name === 'keystore') {
    for (const gone of input.remove) delete node.keystore.entries[gone];
    for (const entry of input.set) {
      mustExist(world, entry.reference);
      node.keystore.entries[entry.name] = { reference: entry.reference, writtenAtMs: world.nowMs };
    }
  }
  if (name === 'service') restart(world, node);
};

const issue = (world: World, wish: CertificateIssue): void => {
  if (!world.cas.some(({ name, key }) => name === wish.ca && (key !== null || wish.given)))
    throw new Error(`no key of CA ${wish.ca}`);
  for (const reference of wish.key ? [wish.p12Secret, wish.key.secret] : [wish.p12Secret, wish.passwordSecret])
    mint(world, reference);
  const { cluster, node, purpose, ca, path, p12Secret, passwordSecret, validityMs } = wish;
  const names = [...wish.dns, ...wish.ip];
  const from = world.nowMs - 300_000;
  const facts = {
    ...certificateFacts(wish.given?.fingerprint256 ?? p12Secret, from, world.nowMs + validityMs),
    sans: [...wish.dns.map((name) => `DNS:${name}`), ...wish.ip.map((ip) => `IP:${ip}`)],
  };
  const more = {
    ...(wish.given ? { given: wish.given.request } : {}),
    ...(wish.key ? { key: wish.key } : {}),
  };
  world.issuers[p12Secret] = ca;
  world.certificates = world.certificates.filter((one) => one.node !== node);
  world.certificates.push({
    ...{ cluster, node, purpose, ca, path, names, p12Secret, passwordSecret, validityMs, facts },
    ...more,
  });
};

/** As the executor: a certificate that does not cover the address is issued again and placed by file; an address that was not planned is an error then. */
const verify = (world: World, wish: StepInputs['remote-server.verify']): void => {
  const node = nodeOf(clusterOf(world, wish.cluster), wish.node);
  const server = listening(node);
  if (!server) throw new Error(`${wish.node} runs without a remote cluster server`);
  const host = server.names.at(-1) ?? '';
  const record = world.certificates.find((one) => one.node === wish.node);
  if (!record?.names.includes(host)) {
    const { name, version } = parseSecretReference(wish.p12Secret);
    const p12Secret = `secret:${name}@${(version ?? 1) + 1}`;
    issue(world, { ...wish, p12Secret, ip: [...wish.ip, host] });
    node.files[wish.path] = { source: p12Secret, certificates: [] };
  }
  if (!serves(world, node)) throw new Error(`${wish.node} does not serve its certificate`);
  if (wish.planned && !(server.names.includes(wish.planned.host) && server.port === wish.planned.port))
    throw new Error(`${wish.node} listens at ${server.names.join('/')}:${server.port}`);
};

const otherMode = {
  sniff: /\.(proxy_address|server_name|proxy_socket_connections)$/,
  proxy: /\.(seeds|node_connections)$/,
};

const putSettings = (world: World, { cluster, persistent }: StepInputs['cluster-settings.put']): void => {
  const target = clusterOf(world, cluster).persistent;
  for (const [name, value] of Object.entries(persistent)) {
    if (value === null) delete target[name];
    else target[name] = Array.isArray(value) ? value.map(String) : String(value);
  }
  const modes = Object.entries(target).filter(([name]) => name.endsWith('.mode'));
  for (const [name, mode] of modes) {
    const prefix = name.slice(0, -'mode'.length);
    const wrong = Object.keys(target).find(
      (one) => one.startsWith(prefix) && otherMode[mode as 'sniff' | 'proxy'].test(one),
    );
    if (wrong) throw new Error(`Setting "${wrong}" cannot be used with the configured "${name}"`);
  }
};

const putSigning = (world: World, { cluster, persistent, crossing }: StepInputs['signing-settings.put']): void => {
  const { hidden } = clusterOf(world, cluster);
  for (const [name, value] of Object.entries(persistent)) {
    if (value === null) delete hidden[name];
    else hidden[name] = value;
  }
  checkNamed(world);
  if (crossing && !isConnected(world, crossing.alias)) throw new Error(`${crossing.alias} does not work any more`);
};

const issueSigner = (world: World, wish: StepInputs['signing-certificate.issue']): void => {
  const given = wish.given && world.signed.find(({ id }) => id === wish.given?.request)?.signed;
  if (wish.given ? !given : !world.cas.some(({ name, key }) => name === wish.ca && key !== null))
    throw new Error(`no key of CA ${wish.ca}`);
  mint(world, wish.p12Secret);
  mint(world, wish.passwordSecret);
  const { ca, subject, passwordSecret: password } = wish;
  world.signatures[wish.p12Secret] = { ca, subject, password };
  const made = certificateFacts(wish.p12Secret, world.nowMs - 300_000, world.nowMs + wish.validityMs);
  const facts = given?.facts ?? made;
  world.signers = world.signers.filter(({ node, alias }) => node !== wish.node || alias !== wish.alias);
  const { cluster, node, alias, remote, validityMs, p12Secret, passwordSecret } = wish;
  world.signers.push({
    ...{ cluster, node, alias, remote, ca, subject, validityMs, p12Secret, passwordSecret, facts },
    ...(wish.given === undefined ? {} : { given: wish.given.request }),
  });
};

const identify = (world: World, { id, identity, crossing }: StepInputs['api-key.identify']): void => {
  const found = world.keys.find(({ record }) => record.id === id);
  if (!found?.usable) throw new Error(`key ${id} cannot be updated`);
  if (identity === null) delete found.certificateIdentity;
  else found.certificateIdentity = identity;
  if (crossing && !isConnected(world, crossing.alias)) throw new Error(`${crossing.alias} does not work any more`);
};

const verifySigning = (world: World, { cluster, node, alias }: StepInputs['signing.verify']): void => {
  const record = world.signers.find((one) => one.cluster === cluster && one.node === node && one.alias === alias);
  const found = nodeOf(clusterOf(world, cluster), node).files[`remora-signing-${alias}.p12`];
  if (record === undefined || found?.source !== record.p12Secret) throw new Error(`${node} signs with another one`);
  if (!isConnected(world, alias)) throw new Error(`the connection ${alias} does not work`);
};

const key = (world: World, input: StepInputs['api-key.create']): void => {
  const id = `id-of-${input.secret}`;
  const expiresAtMs = input.expiration === null ? null : world.nowMs + 90 * DAY_MS;
  const { secret, cluster, name, configHash } = input;
  world.keys = world.keys.filter(({ record }) => record.secret !== secret);
  world.keys.push({
    record: { secret, cluster, id, name, expiresAtMs, configHash },
    usable: true,
    ...(input.certificateIdentity === undefined ? {} : { certificateIdentity: input.certificateIdentity }),
  });
  mint(world, secret);
};

const updateKey = (world: World, input: StepInputs['api-key.update']): void => {
  const found = world.keys.find(({ record }) => record.id === input.id);
  if (!found?.usable) throw new Error(`key ${input.id} cannot be updated`);
  found.record = { ...found.record, configHash: input.configHash };
};

const endKey = (world: World, id: string): void => {
  if (world.handMadeKey?.id === id) world.handMadeKey.usable = false;
  world.keys = world.keys.map((one) => (one.record.id === id ? { ...one, usable: false } : one));
};

const holds = ({ keystore }: NodeWorld, secret: string): boolean =>
  Object.values(keystore.entries).some(({ reference }) => reference === secret);

const verifyKey = (world: World, { local, alias, secret, nodes }: StepInputs['api-key.verify']): void => {
  const connecting = clusterOf(world, local).nodes.filter(
    ({ name, roles }) => roles.includes('remote_cluster_client') && (nodes?.includes(name) ?? true),
  );
  const other = connecting.find((node) => !holds(node, secret) || node.running.credentials[alias] !== secret);
  const { deployment } = clusterOf(world, local);
  if (other || (deployment && deployment.written[alias] !== secret)) throw new Error('another key is used');
};

const createCa = (world: World, { ca, validityDays }: StepInputs['ca.create']): void => {
  mint(world, caKeySecret(ca));
  mint(world, caCertificateSecret(ca));
  const facts = certificateFacts(`fingerprint of ${ca}`, world.nowMs, world.nowMs + validityDays * DAY_MS);
  const certificate = caCertificateSecret(ca);
  world.cas.push({ name: ca, certificatePem: `PEM of ${ca}`, certificate, key: caKeySecret(ca), facts });
};

const importCa = (world: World, { ca, certificatePem, fingerprint256 }: StepInputs['ca.import']): void => {
  const certificate = `secret:${importedCaSecrets(ca, fingerprint256).certificate}@1`;
  mint(world, certificate);
  const facts = certificateFacts(fingerprint256, world.nowMs, world.nowMs + 3650 * DAY_MS);
  world.cas.push({ name: ca, certificatePem, certificate, key: null, facts });
};

const record = (world: World, { connection }: StepInputs['connection.record']): void => {
  if (isForeign(connection) || isByCertificate(connection))
    throw new Error('the remote cluster of this world is managed');
  const isOther = ({ local, alias }: ConnectionRecord): boolean =>
    local !== connection.local || alias !== connection.alias;
  world.connections = [...world.connections.filter(isOther), connection];
};

const changeNode = (world: World, { cluster, node, operations }: StepInputs['node.change']): void => {
  for (const call of operations) operation(world, nodeOf(clusterOf(world, cluster), node), call);
  checkNamed(world);
};

const prove = (world: World, { alias }: StepInputs['connection.prove']): void => {
  if (!isConnected(world, alias)) throw new Error(`the connection ${alias} does not work`);
};

const succeed = (world: World, { ca, successor, isRetired }: StepInputs['ca.succession']): void => {
  const signing = world.connections.flatMap((one) => one.signing ?? []);
  if (
    isRetired &&
    [...world.certificates, ...world.connections, ...world.signers, ...signing].some((one) => one.ca === ca)
  )
    throw new Error(`CA ${ca} is in use`);
  const retiredAt = isRetired ? { retiredAt: new Date(world.nowMs).toISOString() } : {};
  world.cas = world.cas.map((one) => (one.name === ca ? { ...one, successor, ...retiredAt } : one));
};

const verifyTrust = (world: World, { cluster, node, path, holds, lacks }: StepInputs['trust.verify']): void => {
  const held = nodeOf(clusterOf(world, cluster), node).files[path]?.certificates ?? [];
  const wrong = [
    ...holds.filter((ca) => !held.includes(fingerprintOf(world, ca))),
    ...lacks.filter((ca) => held.includes(fingerprintOf(world, ca))),
  ];
  if (wrong.length > 0) throw new Error(`${node} does not hold what it shall: ${wrong.join(', ')}`);
};

const shakeHands = (world: World, { remote, ca }: StepInputs['handshake.verify']): void => {
  const other = clusterOf(world, remote).nodes.find((node) => servedBy(world, node) !== ca);
  if (other) throw new Error(`${other.name} serves what ${servedBy(world, other)} signed, and not ${ca}`);
};

/** As the executor: refused while a node has it, in the keystore or, which that cannot find out, in its process. */
const invalidate = (world: World, { id, secret, away = [] }: StepInputs['api-key.invalidate']): void => {
  const holder = world.local.nodes.find(
    ({ name, keystore, running }) =>
      !away.includes(`${world.local.name}/${name}`) &&
      (Object.values(keystore.entries).some(({ reference }) => reference === secret) ||
        Object.values(running.credentials).includes(secret)),
  );
  const inCloud = Object.values(world.local.deployment?.written ?? {}).includes(secret);
  if (holder || inCloud) throw new Error(`${holder?.name ?? 'the deployment'} still has the key`);
  endKey(world, id);
};

const putCloudKey = (world: World, { alias, secret }: StepInputs['cloud.key']): void => {
  const deployment = deploymentIn(world);
  const entry = `cluster.remote.${alias}.credentials`;
  deployment.entries = deployment.entries.filter((name) => name !== entry);
  delete deployment.written[alias];
  if (secret === null) return;
  mustExist(world, secret);
  deployment.entries.push(entry);
  deployment.written[alias] = secret;
};

const putCloudTrust = (world: World, { name, relationship, cas = [] }: StepInputs['cloud.trust']): void => {
  const deployment = deploymentIn(world);
  deployment.direct = deployment.direct.filter((one) => one.name !== name);
  if (relationship === null) return;
  const pems = cas.map((one) => {
    const found = world.cas.find((ca) => ca.name === one);
    if (!found) throw new Error(`there is no CA ${one}`);
    return { pem: found.certificatePem };
  });
  deployment.direct.push({ ...relationship, certificates: [...relationship.certificates, ...pems] });
};

const forget = (world: World, { records }: StepInputs['inventory.put-back']): void => {
  for (const { collection, id } of records) {
    if (collection === 'connections')
      world.connections = world.connections.filter(({ local, alias }) => `${local}/${alias}` !== id);
    if (collection === 'certificates')
      world.certificates = world.certificates.filter(
        ({ cluster, node, purpose }) => `${cluster}/${node}/${purpose}` !== id,
      );
    if (collection === 'signingCertificates')
      world.signers = world.signers.filter(({ cluster, node, alias }) => `${cluster}/${node}/${alias}` !== id);
    if (collection === 'apiKeys') world.keys = world.keys.filter(({ record: { secret } }) => secret !== id);
  }
};

const never = (): never => {
  throw new Error('a connection is not made with such a step');
};

type Effects = { readonly [K in StepKind]: (world: World, input: StepInputs[K]) => void };

const effects: Effects = {
  'connection.record': record,
  'deployment-trust.record': never,
  'ca.create': createCa,
  'ca.import': importCa,
  'ca.succession': succeed,
  'certificate.issue': issue,
  'signing-certificate.issue': issueSigner,
  'signing-certificate.forget': (world, { node, alias }) => {
    world.signers = world.signers.filter((one) => one.node !== node || one.alias !== alias);
  },
  'signing-settings.put': putSigning,
  'signing-trust.verify': (world, { node }) => {
    if (!world.remote.nodes.some(({ name }) => name === node)) throw new Error(`there is no node ${node}`);
  },
  'signing.verify': verifySigning,
  'api-key.identify': identify,
  'trust.verify': verifyTrust,
  'handshake.verify': shakeHands,
  'node.change': changeNode,
  'remote-server.verify': verify,
  'api-key.create': key,
  'api-key.update': updateKey,
  'secure-settings.reload': (world, { cluster, node }) => loadSecure(nodeOf(clusterOf(world, cluster), node)),
  'cluster-settings.put': putSettings,
  'connection.prove': prove,
  'peer-trust.verify': never,
  'certificate.verify': never,
  'transport-name.verify': never,
  'cloud.key': putCloudKey,
  'cloud.trust': putCloudTrust,
  'cluster.trust': never,
  'api-key.put-back': never,
  'api-key.invalidate': invalidate,
  'api-key.revoke': (world, { id }) => endKey(world, id),
  'api-keys.revoke': (world, { local, alias }) => {
    for (const { record } of world.keys)
      if (record.secret.startsWith(`secret:connection/${local}/${alias}/`)) endKey(world, record.id);
  },
  'api-key.verify': verifyKey,
  'role.put': never,
  'user.put': never,
  'inventory.put-back': forget,
  'run.rollback': never,
};

const take = (world: World, step: AnyStep): void => {
  const effect = effects[step.kind] as (world: World, input: AnyStep['input']) => void;
  effect(world, step.input);
};

/** The world after these steps, each a minute after the other. The world that was given stays as it is. */
export const applySteps = (before: World, steps: readonly AnyStep[]): World => {
  const world = structuredClone(before);
  for (const step of steps) {
    world.nowMs += 60_000;
    take(world, step);
  }
  world.nowMs += 60_000;
  return world;
};
