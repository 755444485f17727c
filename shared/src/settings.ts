/**
 * What a change of each setting takes to become effective. The classes are ordered: a plan needs the strongest class among its changes, once.
 *   api      dynamic, by `PUT _cluster/settings`
 *   reload   a secure setting that `POST _nodes/reload_secure_settings` applies
 *   file     Elasticsearch polls the file (`resource.reload.interval.high`, 5 s by default)
 *   restart  read at the start of the node only
 * Source: Elastic's remote cluster settings and security settings references, and tries on 8.19.21 and 9.5.3.
 */
export const effectClasses = ['none', 'api', 'reload', 'file', 'restart'] as const;
export type EffectClass = (typeof effectClasses)[number];

/** A value as elasticsearch.yml and `_cluster/settings` carry it. Elasticsearch compares all of them as strings. */
export type SettingValue = string | number | boolean | readonly string[];

interface SettingRule {
  /** Dotted name; `*` stands for one segment (an alias). */
  readonly name: string;
  readonly effect: Exclude<EffectClass, 'none'>;
  /** Secure settings live in the keystore, never in elasticsearch.yml. */
  readonly secure?: true;
}

export const settingRules: readonly SettingRule[] = [
  { name: 'cluster.remote.*.credentials', effect: 'reload', secure: true },
  { name: 'cluster.remote.*.signing.keystore.secure_password', effect: 'reload', secure: true },
  { name: 'cluster.remote.*.signing.keystore.path', effect: 'api' },
  { name: 'cluster.remote.signing.certificate_authorities', effect: 'api' },
  { name: 'cluster.remote.*.mode', effect: 'api' },
  { name: 'cluster.remote.*.seeds', effect: 'api' },
  { name: 'cluster.remote.*.node_connections', effect: 'api' },
  { name: 'cluster.remote.*.proxy_address', effect: 'api' },
  { name: 'cluster.remote.*.proxy_socket_connections', effect: 'api' },
  { name: 'cluster.remote.*.server_name', effect: 'api' },
  { name: 'cluster.remote.*.skip_unavailable', effect: 'api' },
  { name: 'cluster.remote.*.transport.compress', effect: 'api' },
  { name: 'cluster.remote.*.transport.compression_scheme', effect: 'api' },
  { name: 'cluster.remote.*.transport.ping_schedule', effect: 'api' },
  { name: 'remote_cluster_server.enabled', effect: 'restart' },
  { name: 'remote_cluster.host', effect: 'restart' },
  { name: 'remote_cluster.bind_host', effect: 'restart' },
  { name: 'remote_cluster.publish_host', effect: 'restart' },
  { name: 'remote_cluster.port', effect: 'restart' },
  { name: 'remote_cluster.publish_port', effect: 'restart' },
  { name: 'xpack.security.remote_cluster_server.ssl.enabled', effect: 'restart' },
  { name: 'xpack.security.remote_cluster_server.ssl.keystore.path', effect: 'restart' },
  { name: 'xpack.security.remote_cluster_server.ssl.keystore.secure_password', effect: 'restart', secure: true },
  { name: 'xpack.security.remote_cluster_client.ssl.enabled', effect: 'restart' },
  { name: 'xpack.security.remote_cluster_client.ssl.certificate_authorities', effect: 'restart' },
  ...(['transport', 'http'] as const).flatMap((port): SettingRule[] => [
    { name: `xpack.security.${port}.ssl.keystore.path`, effect: 'restart' },
    { name: `xpack.security.${port}.ssl.keystore.type`, effect: 'restart' },
    { name: `xpack.security.${port}.ssl.keystore.algorithm`, effect: 'restart' },
    { name: `xpack.security.${port}.ssl.keystore.secure_password`, effect: 'restart', secure: true },
    { name: `xpack.security.${port}.ssl.keystore.secure_key_password`, effect: 'restart', secure: true },
    { name: `xpack.security.${port}.ssl.certificate`, effect: 'restart' },
    { name: `xpack.security.${port}.ssl.key`, effect: 'restart' },
  ]),
  { name: 'xpack.security.transport.ssl.certificate_authorities', effect: 'restart' },
  { name: 'xpack.security.transport.ssl.truststore.path', effect: 'restart' },
  { name: 'xpack.security.transport.ssl.truststore.type', effect: 'restart' },
  { name: 'xpack.security.transport.ssl.truststore.algorithm', effect: 'restart' },
  { name: 'xpack.security.transport.ssl.trust_restrictions.path', effect: 'restart' },
];

const matches = (pattern: string, name: string): boolean => {
  const want = pattern.split('.');
  const have = name.split('.');
  return want.length === have.length && want.every((segment, i) => segment === '*' || segment === have[i]);
};

/** The rule of a setting, or undefined when the table has none: a planner must not touch such a setting. */
export const settingRule = (name: string): SettingRule | undefined =>
  settingRules.find((rule) => matches(rule.name, name));

/** The strongest of several effect classes; `none` for no class at all. */
export const strongestEffect = (effects: readonly EffectClass[]): EffectClass =>
  effects.reduce<EffectClass>((a, b) => (effectClasses.indexOf(b) > effectClasses.indexOf(a) ? b : a), 'none');

/** Whether Elasticsearch sees two values as the same: it reads `true` and `"true"`, and `a` and `["a"]`, alike. */
export const sameSettingValue = (a: SettingValue | null | undefined, b: SettingValue | null | undefined): boolean => {
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null);
  const list = (value: SettingValue): string[] => (Array.isArray(value) ? value.map(String) : [String(value)]);
  const [left, right] = [list(a), list(b)];
  return left.length === right.length && left.every((item, i) => item === right[i]);
};
