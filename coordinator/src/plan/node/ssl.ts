/** What a port of a node serves a certificate for. */
export const servingPurposes = ['remote_cluster_server', 'transport', 'http'] as const;
export type ServingPurpose = (typeof servingPurposes)[number];

/** Where the settings of each purpose begin. */
export const sslPrefix: Readonly<Record<ServingPurpose | 'remote_cluster_client', string>> = {
  remote_cluster_server: 'xpack.security.remote_cluster_server.ssl',
  remote_cluster_client: 'xpack.security.remote_cluster_client.ssl',
  transport: 'xpack.security.transport.ssl',
  http: 'xpack.security.http.ssl',
};

/** How people call the port. */
export const portName: Readonly<Record<ServingPurpose, string>> = {
  remote_cluster_server: 'remote cluster server',
  transport: 'transport port',
  http: 'HTTP port',
};
