import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../../coordinator/src/config.ts';
import { openListener } from '../../../coordinator/src/listener.ts';
import { createLog } from '../../../coordinator/src/log.ts';
import { openFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import { openFleetCas, soleFleetCa } from '../../../coordinator/src/pki/fleet-ca/fleet-cas.ts';
import { createRedactor } from '../../../coordinator/src/secrets/redact.ts';

const DAY_MS = 86_400_000;

test('a coordinator that runs renews its own certificate, and what is connected stays so', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'remora-listener-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  let behindMs = 270 * DAY_MS;
  const now = (): Date => new Date(Date.now() - behindMs);
  const fleetCa = await openFleetCa({ directory, now });
  const log = createLog(createRedactor());
  log.level = 'silent';
  const listener = await openListener(
    await readConfig({ dataDir: directory }),
    openFleetCas(soleFleetCa(fleetCa)),
    log,
  );
  const server = listener.server((_request, response) => void response.end('well'));
  const stop = listener.keepCertificate(20);
  onTestFinished(stop);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const dial = async (): Promise<TLSSocket> => {
    const { port } = server.address() as { port: number };
    const socket = connect({ host: '127.0.0.1', port, ca: fleetCa.certificatePem });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  };
  const before = await dial();
  const { serialNumber } = before.getPeerCertificate();
  const life = listener.certificate();
  expect((await dial()).getPeerCertificate().serialNumber).toBe(serialNumber);

  behindMs = 0;
  await expect
    .poll(async () => (await dial()).getPeerCertificate().serialNumber, { timeout: 60_000 })
    .not.toBe(serialNumber);
  expect(Date.parse(listener.certificate().notAfter) - Date.parse(life.notAfter)).toBeGreaterThan(269 * DAY_MS);
  before.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  expect(String((await once(before, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/);
});
