import { request } from 'node:http';

/**
 * Whether Elasticsearch comes from its official image (a Docker engine answers on its local socket) or is built from
 * Maven Central. REMORA_ELASTICSEARCH=docker|maven decides instead.
 * @returns {Promise<'docker' | 'maven'>}
 */
export async function elasticsearchBacking() {
  const chosen = process.env.REMORA_ELASTICSEARCH;
  if (chosen === 'docker' || chosen === 'maven') return chosen;
  return (await dockerAnswers()) ? 'docker' : 'maven';
}

/** Engines elsewhere (tcp://) don't count: nodes' directories are mounted from this machine. */
function dockerAnswers() {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  if (!host.startsWith('unix://')) return Promise.resolve(false);
  return new Promise((resolve) => {
    const ping = request({ socketPath: host.slice('unix://'.length), path: '/_ping', timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy());
    ping.once('error', () => resolve(false));
    ping.end();
  });
}
