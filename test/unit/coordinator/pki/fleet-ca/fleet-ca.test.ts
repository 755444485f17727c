import { sign, X509Certificate } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { join } from 'node:path';
import { coversAddress } from '@remora/shared/model/certificates/certificate.ts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { describeCertificate } from '../../../../../coordinator/src/pki/describe.ts';
import { makeNextFleetCa, openFleetCa, openNextFleetCa } from '../../../../../coordinator/src/pki/fleet-ca/fleet-ca.ts';
import {
  removeNextFleetCa,
  replaceFleetCa,
  writeTrusted,
} from '../../../../../coordinator/src/pki/fleet-ca/fleet-ca-files.ts';
import { generateRsaKeyPair } from '../../../../../coordinator/src/pki/keys.ts';
import { verifyProofOfPossession } from '../../../../../coordinator/src/pki/proof-of-possession.ts';
import { opensslVerify, scratch } from '../outside-tools.ts';

const start = new Date();
const DAY = 86_400_000;
const open = (directory: string, now = start) => openFleetCa({ directory, now: () => now });
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('openFleetCa', () => {
  test('makes a CA once and finds it again', async () => {
    const directory = scratch();
    const first = await open(directory);
    expect(readdirSync(directory).sort()).toEqual(['fleet-ca.crt', 'fleet-ca.key']);
    expect(modeOf(join(directory, 'fleet-ca.crt'))).toBe('644');
    expect(modeOf(join(directory, 'fleet-ca.key'))).toBe('600');
    expect(Date.parse(first.notAfter) - start.getTime()).toBeGreaterThan(3649 * DAY);
    const second = await open(directory);
    expect(second.certificatePem).toBe(first.certificatePem);
    expect(second.fingerprint256).toBe(
      describeCertificate(readFileSync(join(directory, 'fleet-ca.crt'), 'utf8')).fingerprint256,
    );
  });

  test('two that start at once end up with one CA', async () => {
    const directory = scratch();
    const all = await Promise.all([open(directory), open(directory), open(directory)]);
    expect(new Set(all.map((ca) => ca.fingerprint256)).size).toBe(1);
    expect(readdirSync(directory).sort()).toEqual(['fleet-ca.crt', 'fleet-ca.key']);
  });

  test('finishes what a crash between the two files left', async () => {
    const directory = scratch();
    await open(directory);
    const key = readFileSync(join(directory, 'fleet-ca.key'), 'utf8');
    rmSync(join(directory, 'fleet-ca.crt'));
    await open(directory);
    expect(readFileSync(join(directory, 'fleet-ca.key'), 'utf8')).toBe(key);
  });

  test('says which file is wrong and what to do', async () => {
    const directory = scratch();
    const other = scratch();
    await Promise.all([open(directory), open(other)]);
    const [crt, key] = [join(directory, 'fleet-ca.crt'), join(directory, 'fleet-ca.key')];
    const [goodCrt, goodKey] = [readFileSync(crt), readFileSync(key)];
    const expectRefusal = async (message: string, now = start) => {
      const error = await open(directory, now).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({
        code: 'data-directory',
        message: expect.stringContaining(message),
        hint: expect.stringMatching(/Restore|chmod/),
      });
      writeFileSync(crt, goodCrt);
      writeFileSync(key, goodKey, { mode: 0o600 });
      chmodSync(key, 0o600);
    };
    await expectRefusal(`${crt} ended at`, new Date(start.getTime() + 3651 * DAY));
    writeFileSync(key, readFileSync(join(other, 'fleet-ca.key')));
    await expectRefusal(`${key} is not the key of ${crt}`);
    writeFileSync(key, 'garbage');
    await expectRefusal(`${key} is not a usable RSA key`);
    writeFileSync(crt, 'garbage');
    await expectRefusal(`${crt} cannot be read as a certificate`);
    chmodSync(key, 0o640);
    await expectRefusal(`${key} holds a key, but its mode 0640`);
    rmSync(key);
    await expectRefusal(`its key ${key} is missing`);
    await expect(open(directory)).resolves.toBeDefined();
  });

  test('a directory that does not exist is named', async () => {
    await expect(open('/nonexistent/remora')).rejects.toThrow(/^\/nonexistent\/remora\/fleet-ca.key cannot be created/);
  });
});

describe('the next fleet CA', () => {
  const begun = async () => {
    const directory = scratch();
    const old = await open(directory);
    const next = await makeNextFleetCa({ directory, now: () => start });
    await writeTrusted(directory, [old.certificatePem, next.certificatePem]);
    return { directory, old, next, file: (name: string) => join(directory, name) };
  };

  test('lies beside the one there is, which stays who it is', async () => {
    const { directory, old, next, file } = await begun();
    expect(next.fingerprint256).not.toBe(old.fingerprint256);
    expect([modeOf(file('fleet-ca-next.crt')), modeOf(file('fleet-ca-next.key'))]).toEqual(['644', '600']);
    expect(await open(directory)).toMatchObject({
      ...{ certificatePem: old.certificatePem, fingerprint256: old.fingerprint256 },
    });
    expect((await openNextFleetCa({ directory, now: () => start }))?.fingerprint256).toBe(next.fingerprint256);
    expect((await makeNextFleetCa({ directory, now: () => start })).fingerprint256).toBe(next.fingerprint256);
  });

  test('takes its place, and a crash between key and certificate is mended at the next start', async () => {
    const whole = await begun();
    await replaceFleetCa(whole.directory);
    const cut = await begun();
    writeFileSync(cut.file('fleet-ca.key'), readFileSync(cut.file('fleet-ca-next.key')), { mode: 0o600 });
    for (const { directory, next, file } of [whole, cut]) {
      expect((await open(directory)).fingerprint256).toBe(next.fingerprint256);
      expect(readFileSync(file('fleet-ca.crt'), 'utf8').match(/BEGIN/g)).toHaveLength(1);
      expect([modeOf(file('fleet-ca.crt')), modeOf(file('fleet-ca.key'))]).toEqual(['644', '600']);
      await removeNextFleetCa(directory);
      expect(readdirSync(directory).sort()).toEqual(['fleet-ca.crt', 'fleet-ca.key']);
      await replaceFleetCa(directory);
      expect((await open(directory)).fingerprint256).toBe(next.fingerprint256);
    }
  });

  test('takes the place of one that has ended', async () => {
    const directory = scratch();
    const day = (count: number) => () => new Date(start.getTime() + count * DAY);
    await open(directory);
    const next = await makeNextFleetCa({ directory, now: day(3000) });
    const opened = await openFleetCa({ directory, now: day(3651) });
    expect(opened.fingerprint256).toBe(next.fingerprint256);
    expect((await openFleetCa({ directory, now: day(3652) })).fingerprint256).toBe(next.fingerprint256);
  });

  test('is none without both files', async () => {
    const { directory, file } = await begun();
    rmSync(file('fleet-ca-next.key'));
    expect(await openNextFleetCa({ directory, now: () => start })).toBeNull();
    await removeNextFleetCa(directory);
    await removeNextFleetCa(directory);
    expect(readdirSync(directory).sort()).toEqual(['fleet-ca.crt', 'fleet-ca.key']);
  });
});

describe('issueServerCertificate', () => {
  const hosts = ['Coordinator.example.com', '10.1.1.1', '2001:DB8::1'];

  test('covers the hosts and this machine, and is kept while it fits', async () => {
    const directory = scratch();
    const ca = await open(directory);
    const first = await ca.issueServerCertificate({ hosts });
    expect(opensslVerify(ca.certificatePem, first.certificatePem, 'sslserver')).toBe('leaf.crt: OK');
    const facts = describeCertificate(first.certificatePem);
    for (const host of [...hosts, 'localhost', '127.0.0.1', '::1']) expect(coversAddress(facts, host)).toBe(true);
    expect(modeOf(join(directory, 'server.key'))).toBe('600');
    const kept = await (await open(directory)).issueServerCertificate({ hosts: [...hosts, 'localhost'] });
    expect(kept).toMatchObject({
      issued: false,
      certificatePem: first.certificatePem,
      privateKeyPem: first.privateKeyPem,
    });
  });

  test('is issued again for other hosts, after two thirds of its life, and for damaged files', async () => {
    const directory = scratch();
    const issued = async (now = start, names = hosts) =>
      (await (await open(directory, now)).issueServerCertificate({ hosts: names })).issued;
    expect(await issued()).toBe(true);
    expect(await issued(start, ['other'])).toBe(true);
    expect(await issued(start, ['other'])).toBe(false);
    expect(await issued(new Date(start.getTime() + 264 * DAY), ['other'])).toBe(false);
    expect(await issued(new Date(start.getTime() + 265 * DAY), ['other'])).toBe(true);
    writeFileSync(join(directory, 'server.crt'), 'garbage');
    expect(await issued()).toBe(true);
    writeFileSync(join(directory, 'server.key'), (await generateRsaKeyPair(2048)).privateKeyPem);
    expect(await issued()).toBe(true);
    rmSync(join(directory, 'fleet-ca.crt'));
    rmSync(join(directory, 'fleet-ca.key'));
    expect(await issued()).toBe(true);
    expect(await issued()).toBe(false);
  });
});

test('an agent with a certificate of the fleet CA is let in, one of another CA is not', async () => {
  const [directory, elsewhere] = [scratch(), scratch()];
  const [ca, stranger] = await Promise.all([open(directory), open(elsewhere)]);
  const tls = await ca.issueServerCertificate({ hosts: [] });
  const server = createServer(
    {
      cert: tls.certificatePem,
      key: tls.privateKeyPem,
      ca: ca.certificatePem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (incoming, response) => {
      const socket = incoming.socket as import('node:tls').TLSSocket;
      response.end(`${socket.authorized} ${socket.getPeerCertificate().subject.CN}`);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as { port: number };
  const keys = await generateRsaKeyPair(2048);
  const ask = (by: typeof ca): Promise<string> => {
    const { certificatePem } = by.issueAgentCertificate({
      publicKeyPem: keys.publicKeyPem,
      id: `agent:us/${'n'.repeat(200)}`,
      validityMs: 30 * 86_400_000,
    });
    expect(opensslVerify(by.certificatePem, certificatePem, 'sslclient')).toBe('leaf.crt: OK');
    return new Promise((resolve, reject) => {
      const options = {
        host: 'localhost',
        port,
        ca: ca.certificatePem,
        cert: certificatePem,
        key: keys.privateKeyPem,
        agent: false,
      };
      request(options, (response) => response.setEncoding('utf8').once('data', resolve))
        .once('error', reject)
        .end();
    });
  };
  expect(await ask(ca)).toBe(`true agent:us/${'n'.repeat(200)}`);
  expect(await ask(stranger)).toMatch(/^false /);
});

describe('verifyProofOfPossession', () => {
  test('takes a signature of the key over exactly this message', async () => {
    const [mine, other] = await Promise.all([generateRsaKeyPair(2048), generateRsaKeyPair(2048)]);
    const message = 'remora-join-v1\nid\nus-1\n';
    const signature = sign('sha256', Buffer.from(message), mine.privateKeyPem).toString('base64');
    const proof = { publicKeyPem: mine.publicKeyPem, message, signature };
    expect(verifyProofOfPossession(proof)).toBe(true);
    expect(verifyProofOfPossession({ ...proof, message: `${message} ` })).toBe(false);
    expect(verifyProofOfPossession({ ...proof, publicKeyPem: other.publicKeyPem })).toBe(false);
    expect(verifyProofOfPossession({ ...proof, signature: '' })).toBe(false);
    expect(verifyProofOfPossession({ ...proof, signature: 'not base64!' })).toBe(false);
    expect(() => verifyProofOfPossession({ ...proof, publicKeyPem: mine.privateKeyPem })).toThrow(/is a private key/);
    expect(() => verifyProofOfPossession({ ...proof, publicKeyPem: 'x' })).toThrow(/cannot be read as PEM/);
  });

  test('takes no key that is not RSA or too short', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const pem = (key: import('node:crypto').KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
    const ec = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
    const short = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
    expect(() => verifyProofOfPossession({ publicKeyPem: ec, message: '', signature: '' })).toThrow(
      /type ec; only RSA/,
    );
    expect(() => verifyProofOfPossession({ publicKeyPem: short, message: '', signature: '' })).toThrow(
      /has 1024 bits; 2048 to 8192/,
    );
  });
});

test('a fleet CA is a CA for end certificates only', async () => {
  const ca = await open(scratch());
  expect(new X509Certificate(ca.certificatePem).ca).toBe(true);
  expect(describeCertificate(ca.certificatePem)).toMatchObject({
    selfSigned: true,
    subject: expect.stringMatching(/^CN=Remora fleet CA [0-9a-f]{8}$/),
  });
});
