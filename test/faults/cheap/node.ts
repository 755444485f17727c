/**
 * A cheap stand-in for an Elasticsearch node: it restarts in a tenth of a second, and answers exactly what coordinators and agents ask, as 9.5.3 does; all else is
 * a 400 and a line in `unknown.log`, so that nothing passes by accident. It reads elasticsearch.yml and the keystore at its start, as the real one does.
 * Its remote cluster server is a real TLS server with the PKCS#12 file, and its proof of a connection a real authenticated request to one.
 */
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { identityOf } from '../../../agent/src/system/process-table.ts';
import { readEntries } from '../../support/keystore-file.ts';
import { answer } from './answers.ts';
import { callerOf } from './caller.ts';
import { refusalOf } from './remote-access.ts';
import type { NodeView } from './route.ts';
import { parseSettings } from './settings.ts';
import { type Flat, idOf, type LiveNode, openState } from './state.ts';
import { listenForTransport, transportFiles, transportSecurity } from './transport.ts';

const configDir = process.env.ES_PATH_CONF ?? '';
const settings = parseSettings(readFileSync(join(configDir, 'elasticsearch.yml'), 'utf8'));
const text = (name: string): string => String(settings[name] ?? '');
const list = (name: string): string[] => [settings[name] ?? []].flat().map(String);
const state = openState(text('cheap.state'));
const name = text('node.name');

const SERVER = 'xpack.security.remote_cluster_server.ssl';
const CLIENT = 'xpack.security.remote_cluster_client.ssl';
const servesRemotes = text('remote_cluster_server.enabled') === 'true';
let secrets = readEntries(configDir);

const flat = (): Flat =>
  Object.fromEntries(
    Object.entries(settings)
      .filter(([key]) => !key.startsWith('xpack.'))
      .map(([key, value]) => [key, typeof value === 'string' ? value : [...value]]),
  );

const self: LiveNode = {
  name,
  id: idOf(name),
  pid: process.pid,
  identity: identityOf(process.pid) ?? '',
  startedAtMs: Date.now(),
  httpPort: Number(text('http.port')),
  settings: flat(),
  remotePort: servesRemotes ? Number(text('remote_cluster.port')) : null,
  transportPort: text('xpack.security.transport.ssl.enabled') === 'true' ? Number(text('transport.port')) : null,
};

const transport = { settings, configDir, secret: (key: string) => secrets[key] ?? null };
const ofTransport = transportFiles(settings);
const callers = new WeakMap<Socket, number | null>();

const view: NodeView = {
  self,
  state,
  all: list('cheap.nodes'),
  cluster: text('cluster.name'),
  password: text('cheap.password'),
  authorities: list(`${CLIENT}.certificate_authorities`).map((path) => join(configDir, path)),
  configDir,
  configuredFiles: {
    keystores: [...(servesRemotes ? [text(`${SERVER}.keystore.path`)] : []), ...ofTransport.keystores],
    authorities: [...list(`${CLIENT}.certificate_authorities`), ...ofTransport.authorities],
  },
  transport: () => transportSecurity(transport),
  secret: (key) => secrets[key] ?? null,
  reload: () => {
    secrets = readEntries(configDir);
  },
  callerAtConnection: (socket) => callers.get(socket) ?? null,
};

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const sent = Number(request.headers['content-length'] ?? 0) === 0 ? null : await json(request);
  const { status, body } = await answer(view, request, sent);
  if (status === 400) {
    const line = `${request.method} ${request.url} ${JSON.stringify(sent)}\n`;
    appendFileSync(join(text('cheap.state'), 'unknown.log'), line);
  }
  response.writeHead(status, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
};

/** The remote cluster server: whoever shows a living API key is let in, with a signature where the key demands one. */
const listenForRemotes = async (): Promise<void> => {
  const path = join(configDir, text(`${SERVER}.keystore.path`));
  const options = () => ({
    ...{ pfx: readFileSync(path), requestCert: true, rejectUnauthorized: false },
    passphrase: secrets[`${SERVER}.keystore.secure_password`] ?? '',
  });
  const server = createTlsServer(options(), (request, response) => {
    const error = refusalOf(state.read(), configDir, request);
    response.end(JSON.stringify({ error }));
  });
  let seen = statSync(path).mtimeMs;
  // As Elasticsearch polls its files, only sooner. It keeps what it has while the file is away, as between a rollback's removal and the restart, or is no use.
  setInterval(() => {
    const now = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (now === undefined || now === seen) return;
    seen = now;
    try {
      server.setSecureContext(options());
    } catch (error) {
      console.error(`[WARN] could not reload ${path}: ${String(error)}`);
    }
  }, 100);
  await new Promise<void>((resolve) => server.listen(self.remotePort ?? 0, '127.0.0.1', resolve));
};

process.on('uncaughtExceptionMonitor', (error) => {
  appendFileSync(join(text('cheap.state'), 'unknown.log'), `${name} crashed: ${error.stack}\n`);
});
// Where the stop command looks.
writeFileSync(join(configDir, '..', 'pid'), String(process.pid));
process.on('SIGTERM', () => {
  const allocation = String(state.read().persistent['cluster.routing.allocation.enable'] ?? 'all');
  state.leave(name);
  state.note({ at: Date.now(), node: name, what: 'stop', detail: allocation, caller: null });
  process.exit(0);
});

if (servesRemotes) await listenForRemotes();
await listenForTransport(transport);
const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => {
    appendFileSync(join(text('cheap.state'), 'unknown.log'), `${request.method} ${request.url}: ${String(error)}\n`);
    response.destroy();
  });
});
server.on('connection', (socket) => callers.set(socket, callerOf(socket, state.callers())));
server.keepAliveTimeout = 60_000;
server.listen(self.httpPort, '127.0.0.1', () => {
  state.announce(self);
  state.note({ at: Date.now(), node: name, what: 'start', detail: self.identity, caller: null });
});
