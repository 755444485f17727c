import { expect, test } from 'vitest';
import type { AgentConfig } from '../../../../agent/src/checks.ts';
import { callNode } from '../../../../agent/src/node/http.ts';

const config: AgentConfig = {
  name: 'eu-1',
  cluster: 'eu',
  storeId: 's',
  coordinators: ['https://localhost:1'],
  elasticsearch: { home: '/', configDir: '/', settingsFile: '/', url: 'http://127.0.0.1:1' },
  service: { systemd: 'x.service' },
};

test.each(['/_resolve/cluster/us:\\..\\..\\..\\_security', '/a/../_security', '/a\tb', '/a#b'])(
  'the path %j is not sent, since a URL has another one',
  async (path) => {
    const call = { method: 'GET', path, user: 'u', password: 'p', signal: AbortSignal.timeout(5000) };
    await expect(callNode(config, call)).rejects.toMatchObject({ code: 'bad-input' });
  },
);

test('a password is not sent in clear to an address that is not, or no longer, of this machine', async () => {
  const elsewhere = { ...config, elasticsearch: { ...config.elasticsearch, url: 'http://198.51.100.7:9200' } };
  const call = { method: 'GET', path: '/', user: 'u', password: 'p', signal: AbortSignal.timeout(5000) };
  await expect(callNode(elsewhere, call)).rejects.toMatchObject({ code: 'bad-input' });
});
