import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate and its key, as paths of PEM files. */
export interface Pem {
  certificate: string;
  key: string;
}

/**
 * A certificate authority for a test cluster's own transport and HTTP ports, by the openssl command: deliberately not the
 * project's own `pki/`, which is under test.
 */
export class TestAuthority implements Pem {
  readonly certificate: string;
  readonly key: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.certificate = join(directory, 'ca.crt');
    this.key = join(directory, 'ca.key');
  }

  /** @param directory is made, and holds everything that this authority issues */
  static async create(directory: string, commonName: string): Promise<TestAuthority> {
    await mkdir(directory, { recursive: true });
    const authority = new TestAuthority(directory);
    const subject = ['-subj', `/CN=${commonName}`, '-days', '30'];
    await run('openssl', ['req', '-x509', ...newKey(authority.key), ...subject, '-out', authority.certificate]);
    return authority;
  }

  /** @param sans subject alternative names as openssl writes them: `DNS:localhost`, `IP:127.0.0.1` */
  async issue(name: string, sans: readonly string[], days = 30): Promise<Pem> {
    const file = (extension: string) => join(this.#directory, `${name}.${extension}`);
    const issued = { certificate: file('crt'), key: file('key') };
    await run('openssl', ['req', ...newKey(issued.key), '-subj', `/CN=${name}`, '-out', file('csr')]);
    await writeFile(file('ext'), `subjectAltName=${sans.join(',')}\n`);
    const signer = ['-CA', this.certificate, '-CAkey', this.key, '-CAserial', file('srl'), '-CAcreateserial'];
    const request = ['-in', file('csr'), '-extfile', file('ext'), '-days', String(days)];
    await run('openssl', ['x509', '-req', ...request, ...signer, '-out', issued.certificate]);
    return issued;
  }
}

/** Elliptic, unlike all that the project makes: a JVM that compiles no further than C1 takes ten times as long for a handshake with RSA. */
function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}
