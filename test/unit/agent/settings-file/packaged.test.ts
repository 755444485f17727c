import { expect, test } from 'vitest';
import { editSettings, readSettings } from '../../../../agent/src/settings-file/edit.ts';

/** /etc/elasticsearch/elasticsearch.yml as the 9.x package's security auto-configuration leaves it, shortened in the comments only. */
const packaged = `# ======================== Elasticsearch Configuration =========================
#
# ---------------------------------- Cluster -----------------------------------
#
# Use a descriptive name for your cluster:
#
#cluster.name: my-application
cluster.name: us
#
# ----------------------------------- Paths ------------------------------------
#
path.data: /var/lib/elasticsearch
#
path.logs: /var/log/elasticsearch
#
# ---------------------------------- Network -----------------------------------
#
#network.host: 192.168.0.1
network.host: \${HOSTNAME}   # as the DNS has it
#
# --------------------------------- Discovery ----------------------------------
#
discovery.seed_hosts: ["us-1", "us-2"]
#
#action.destructive_requires_name: false

#----------------------- BEGIN SECURITY AUTO CONFIGURATION -----------------------
#
# The following settings, TLS certificates, and keys have been automatically
# generated to configure Elasticsearch security features on 10-03-2026 10:00:00
#
# --------------------------------------------------------------------------------

# Enable security features
xpack.security.enabled: true

xpack.security.enrollment.enabled: true

# Enable encryption for HTTP API client connections, such as Kibana, Logstash, and Agents
xpack.security.http.ssl:
  enabled: true
  keystore.path: certs/http.p12

# Enable encryption and mutual authentication between cluster nodes
xpack.security.transport.ssl:
  enabled: true
  verification_mode: certificate
  keystore.path: certs/transport.p12
  truststore.path: certs/transport.p12
# Create a new cluster with the current node only
# Additional nodes can still join the cluster later
cluster.initial_master_nodes: ["us-1"]

# Allow HTTP API connections from anywhere
# Connections are encrypted and require user authentication
http.host: 0.0.0.0

# Allow other nodes to join the cluster from anywhere
# Connections are encrypted and mutually authenticated
#transport.host: 0.0.0.0

#----------------------- END SECURITY AUTO CONFIGURATION -------------------------
`;

const remoteServer = {
  'remote_cluster_server.enabled': true,
  'remote_cluster.host': '0.0.0.0',
  'remote_cluster.port': 9443,
  'xpack.security.remote_cluster_server.ssl.enabled': true,
  'xpack.security.remote_cluster_server.ssl.keystore.path': 'remora/us-1.p12',
};

const localClient = {
  'xpack.security.remote_cluster_client.ssl.enabled': true,
  'xpack.security.remote_cluster_client.ssl.certificate_authorities': ['remora/us-ca.crt', '/etc/pki/old: ca.crt'],
};

test('reads both spellings of the auto-configuration', () => {
  expect(readSettings(packaged)).toEqual({
    'cluster.name': 'us',
    'path.data': '/var/lib/elasticsearch',
    'path.logs': '/var/log/elasticsearch',
    'network.host': `\${HOSTNAME}`,
    'discovery.seed_hosts': ['us-1', 'us-2'],
    'xpack.security.enabled': true,
    'xpack.security.enrollment.enabled': true,
    'xpack.security.http.ssl.enabled': true,
    'xpack.security.http.ssl.keystore.path': 'certs/http.p12',
    'xpack.security.transport.ssl.enabled': true,
    'xpack.security.transport.ssl.verification_mode': 'certificate',
    'xpack.security.transport.ssl.keystore.path': 'certs/transport.p12',
    'xpack.security.transport.ssl.truststore.path': 'certs/transport.p12',
    'cluster.initial_master_nodes': ['us-1'],
    'http.host': '0.0.0.0',
  });
});

test.each(['\n', '\r\n'])('adds what a connection needs at the end and takes it back (line break %j)', (lineBreak) => {
  const text = packaged.replaceAll('\n', lineBreak);
  const once = editSettings(text, { set: remoteServer });
  const twice = editSettings(once, { set: localClient });
  const added = [
    'remote_cluster_server.enabled: true',
    'remote_cluster.host: 0.0.0.0',
    'remote_cluster.port: 9443',
    'xpack.security.remote_cluster_server.ssl.enabled: true',
    'xpack.security.remote_cluster_server.ssl.keystore.path: remora/us-1.p12',
    'xpack.security.remote_cluster_client.ssl.enabled: true',
    'xpack.security.remote_cluster_client.ssl.certificate_authorities: [remora/us-ca.crt, "/etc/pki/old: ca.crt"]',
    '',
  ];
  expect(twice).toBe(text + added.join(lineBreak));
  const remaining = editSettings(twice, { remove: Object.keys(remoteServer) });
  expect(editSettings(remaining, { remove: Object.keys(localClient) })).toBe(text);
});

test('changes and removes settings of the nested block where they stand', () => {
  const changed = editSettings(packaged, {
    set: { 'xpack.security.transport.ssl.verification_mode': 'full', 'discovery.seed_hosts': ['us-1', 'us-3', 'us-2'] },
    remove: ['xpack.security.http.ssl.keystore.path', 'xpack.security.http.ssl.enabled'],
  });
  const expected = packaged
    .replace('verification_mode: certificate', 'verification_mode: full')
    .replace('["us-1", "us-2"]', '["us-1", "us-3", "us-2"]')
    .replace('xpack.security.http.ssl:\n  enabled: true\n  keystore.path: certs/http.p12\n', '');
  expect(changed).toBe(expected);
});
