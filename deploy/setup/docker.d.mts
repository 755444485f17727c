/**
 * Whether Elasticsearch comes from its official image (a Docker engine answers on its local socket) or is built from
 * Maven Central. REMORA_ELASTICSEARCH=docker|maven decides instead.
 */
export declare function elasticsearchBacking(): Promise<'docker' | 'maven'>;
