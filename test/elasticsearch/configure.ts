import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { TestAuthority } from './certificates.ts';
import type { ClusterOptions } from './options.ts';
import { configDirectory, type NodePlace } from './place.ts';
import { type SettingValue, settingsText } from './settings-text.ts';

const recipe = join(import.meta.dirname, 'recipe');

/** Writes the config directory of each node: elasticsearch.yml, certificates, logging. Not the keystore. */
export async function configure(
  nodes: readonly NodePlace[],
  options: ClusterOptions,
  authority: TestAuthority,
): Promise<void> {
  await Promise.all(
    nodes.map(async (node, index) => {
      const config = configDirectory(node);
      await mkdir(config, { recursive: true });
      await copyFile(join(recipe, 'log4j2.properties'), join(config, 'log4j2.properties'));
      if (options.security !== false) await placeCertificates(node, authority);
      const settings = new Map([
        ...ownSettings(node),
        ...clusterSettings(nodes, options),
        ...roleSettings(options, index),
      ]);
      if (options.security !== false) for (const [name, value] of securitySettings(node)) settings.set(name, value);
      if (options.remoteClusterPort !== false) settings.set('remote_cluster.port', node.remoteClusterPort);
      await writeFile(
        join(config, 'elasticsearch.yml'),
        settingsText(settings, options.style ?? 'flat', options.settings ?? []),
      );
    }),
  );
}

async function placeCertificates(node: NodePlace, authority: TestAuthority): Promise<void> {
  const config = configDirectory(node);
  const address = isIP(node.host) ? `IP:${node.host}` : `DNS:${node.host}`;
  const issued = await authority.issue(node.name, [...new Set(['DNS:localhost', 'IP:127.0.0.1', address])]);
  for (const purpose of ['transport', 'http']) {
    await copyFile(issued.certificate, join(config, `${purpose}.crt`));
    await copyFile(issued.key, join(config, `${purpose}.key`));
    await chmod(join(config, `${purpose}.key`), 0o600);
  }
  await copyFile(authority.certificate, join(config, 'transport-ca.crt'));
}

function ownSettings(node: NodePlace): [string, SettingValue][] {
  return [
    ['node.name', node.name],
    ['path.data', join(node.directory, 'data')],
    ['path.logs', join(node.directory, 'logs')],
    ...(node.host === '127.0.0.1' ? [] : ([['network.host', node.host]] satisfies [string, SettingValue][])),
    ['http.port', node.httpPort],
    ['transport.port', node.transportPort],
  ];
}

function clusterSettings(nodes: readonly NodePlace[], options: ClusterOptions): [string, SettingValue][] {
  const masters = nodes.filter((_, index) => options.roles?.[index]?.includes('master') ?? true);
  return [
    ['cluster.name', options.name],
    ...(nodes.length === 1
      ? ([['discovery.type', 'single-node']] satisfies [string, SettingValue][])
      : ([
          ['discovery.seed_hosts', nodes.map((node) => `${node.host}:${node.transportPort}`)],
          ['cluster.initial_master_nodes', masters.map(({ name }) => name)],
        ] satisfies [string, SettingValue][])),
    ['xpack.license.self_generated.type', options.licence ?? 'trial'],
    ['xpack.security.enabled', options.security !== false],
    ['resource.reload.interval.high', '2s'], // 5 s by default: how soon a replaced certificate is served
  ];
}

function roleSettings({ roles, attributes }: ClusterOptions, index: number): [string, SettingValue][] {
  const own = roles?.[index];
  const named = Object.entries(attributes?.[index] ?? {});
  return [
    ...(own === undefined ? [] : ([['node.roles', own]] satisfies [string, SettingValue][])),
    ...named.map(([name, value]): [string, SettingValue] => [`node.attr.${name}`, value]),
  ];
}

function securitySettings(node: NodePlace): [string, SettingValue][] {
  const transport: [string, SettingValue][] = [
    ['enabled', true],
    ['verification_mode', 'certificate'],
    ['certificate', 'transport.crt'],
    ['key', 'transport.key'],
    ['certificate_authorities', ['transport-ca.crt']],
  ];
  const http: [string, SettingValue][] = [
    ['enabled', true],
    ['certificate', 'http.crt'],
    ['key', 'http.key'],
  ];
  const below = (prefix: string, settings: [string, SettingValue][]) =>
    settings.map(([name, value]): [string, SettingValue] => [`xpack.security.${prefix}.ssl.${name}`, value]);
  return [...below('transport', transport), ...(node.scheme === 'https' ? below('http', http) : [])];
}
