/** Settings of elasticsearch.yml that planners look at; an agent answers no others, and never secrets. */
export const settingsToRead = [
  'remote_cluster*',
  'cluster.remote.*',
  'xpack.security.remote_cluster_*',
  'xpack.security.transport.ssl.*',
  'xpack.security.http.ssl.*',
  'network.*',
  'transport.publish_host',
  'transport.host',
  'node.name',
  'cluster.name',
] as const;
