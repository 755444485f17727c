import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { handleUpgrades } from '../../../coordinator/src/gateway/session/upgrade.ts';
import { openFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';

test('an agent that is refused and has reset its connection meanwhile is noted, and does no harm', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-upgrade-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const fleetCa = await openFleetCa({ directory, now: () => new Date() });
  const tls = await fleetCa.issueServerCertificate({ hosts: ['127.0.0.1'] });
  const keys = await generateRsaKeyPair(2048);
  const agent = fleetCa.issueAgentCertificate({
    id: 'us/us-1',
    publicKeyPem: keys.publicKeyPem,
    validityMs: 3_600_000,
  });
  const server = createServer({
    ...{ cert: tls.certificatePem, key: tls.privateKeyPem, ca: fleetCa.certificatePem },
    ...{ requestCert: true, rejectUnauthorized: false },
  });
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string | null>();
  const turnedAway = Promise.withResolvers<string>();
  handleUpgrades(server, {
    fleetCas: () => [fleetCa.certificate],
    nodeOf: () => {
      asked.resolve();
      return answer.promise;
    },
    onSession: () => undefined,
    isStopping: () => false,
    onTurnedAway: (who) => turnedAway.resolve(who),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const reset = once(server, 'secureConnection').then(([socket]) => once(socket, 'close'));
  const { port } = server.address() as { port: number };
  const below = connectTcp(port, '127.0.0.1');
  const client = connect({
    ...{ socket: below, host: '127.0.0.1', ca: fleetCa.certificatePem },
    ...{ cert: agent.certificatePem, key: keys.privateKeyPem },
  });
  await once(client, 'secureConnect');
  client.on('error', () => undefined);
  client.write('GET /agent/v1/session HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await asked.promise;
  below.resetAndDestroy();
  await reset;
  answer.resolve(null);
  expect(await turnedAway.promise).toBe('us/us-1');
});
