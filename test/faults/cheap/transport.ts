import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import type { Settings } from './settings.ts';

const SSL = 'xpack.security.transport.ssl';

interface TransportParts {
  readonly settings: Settings;
  readonly configDir: string;
  /** A secure setting as it was loaded. */
  readonly secret: (name: string) => string | null;
}

/** What a node shows and trusts on its transport port, as its files are now; null without TLS there. */
export const transportSecurity = ({ settings, configDir, secret }: TransportParts) => {
  if (settings[`${SSL}.enabled`] !== 'true') return null;
  const cas = [settings[`${SSL}.certificate_authorities`] ?? []].flat().map((path) => join(configDir, path));
  return {
    pfx: readFileSync(join(configDir, String(settings[`${SSL}.keystore.path`]))),
    passphrase: secret(`${SSL}.keystore.secure_password`) ?? '',
    ca: cas.map((path) => readFileSync(path)),
  };
};
export type TransportSecurity = ReturnType<typeof transportSecurity>;

/** Files that elasticsearch.yml names for the port; it does not start without one of them. */
export const transportFiles = (settings: Settings): { readonly keystores: string[]; readonly authorities: string[] } =>
  settings[`${SSL}.enabled`] === 'true'
    ? {
        keystores: [String(settings[`${SSL}.keystore.path`])],
        authorities: [settings[`${SSL}.certificate_authorities`] ?? []].flat().map(String),
      }
    : { keystores: [], authorities: [] };

const POLL_MS = 100;

/** The transport port: whoever shows a certificate of a CA that the node trusts is let in. It looks at its files as Elasticsearch does, only sooner. */
export const listenForTransport = async (parts: TransportParts): Promise<void> => {
  const first = transportSecurity(parts);
  if (first === null) return;
  const restrictions = parts.settings[`${SSL}.trust_restrictions.path`];
  if (restrictions !== undefined && !existsSync(join(parts.configDir, String(restrictions))))
    throw new Error(`the file of ${SSL}.trust_restrictions.path is not there: ${String(restrictions)}`);
  const server = createServer({ ...first, requestCert: true, rejectUnauthorized: true }, (_, response) => {
    response.end(JSON.stringify({ error: '' }));
  });
  const { keystores, authorities } = transportFiles(parts.settings);
  const written = (): string =>
    [...keystores, ...authorities]
      .map((path) => statSync(join(parts.configDir, path), { throwIfNoEntry: false })?.mtimeMs)
      .join();
  let seen = written();
  setInterval(() => {
    if (written() === seen) return;
    seen = written();
    try {
      server.setSecureContext(transportSecurity(parts) ?? {});
    } catch (error) {
      console.error(`[WARN] could not reload the files of the transport port: ${String(error)}`);
    }
  }, POLL_MS);
  await new Promise<void>((resolve) =>
    server.listen(Number(parts.settings['transport.port']), '127.0.0.1', () => resolve()),
  );
};
