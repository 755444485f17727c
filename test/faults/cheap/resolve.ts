import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { NodeView } from './route.ts';

interface Connected {
  readonly connected: boolean;
  readonly error?: string;
}

/** With which the node signs what it asks over an alias: here the certificate that it shows in the handshake. A file that is not there or cannot be read signs nothing. */
const signer = (view: NodeView, alias: string): { readonly pfx?: Buffer; readonly passphrase?: string } => {
  const path = view.state.read().persistent[`cluster.remote.${alias}.signing.keystore.path`];
  const passphrase = view.secret(`cluster.remote.${alias}.signing.keystore.secure_password`);
  const file = join(view.configDir, String(path));
  return path === undefined || passphrase === null || !existsSync(file) ? {} : { pfx: readFileSync(file), passphrase };
};

interface Way {
  readonly alias: string;
  readonly address: string;
  /** Null for a connection by the certificates of transport ports. */
  readonly credential: string | null;
}

/** What the node shows and trusts at the other end: by API key a port of the remote cluster server, else a transport port. */
const security = (view: NodeView, { alias, credential }: Way) =>
  credential === null
    ? (view.transport() ?? {})
    : { ca: view.authorities.filter(existsSync).map((path) => readFileSync(path)), ...signer(view, alias) };

/** A request with the node's credential to the remote cluster server at this address, trusting what the node trusts. */
const ask = (view: NodeView, way: Way): Promise<Connected> =>
  new Promise((resolve) => {
    const [host, port] = way.address.split(':');
    const headers = way.credential === null ? {} : { authorization: `ApiKey ${way.credential}` };
    const options = { host, port, headers, ...security(view, way), agent: false, timeout: 5000 };
    const sent = request(options, async (response) => {
      const { error } = (await json(response)) as { error: string };
      resolve(error === '' ? { connected: true } : { connected: false, error });
    });
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve({ connected: false }));
    sent.end();
  });

/** Nothing but `*` is granted by a key here: whatever else is asked for, the other cluster refuses, and names the key. */
const refusal = (credential: string, index: string): Connected => {
  const [id] = Buffer.from(credential, 'base64').toString().split(':');
  const error = `action [indices:admin/resolve/cluster] towards remote cluster is unauthorized for user [elastic] with assigned roles [superuser] authenticated by API key id [${id}] of user [elastic] on indices [${index}]`;
  return { connected: false, error };
};

/** What `_resolve/cluster/ALIAS:INDEX` answers at this node: a real authenticated request over the connection. */
export const resolveAlias = async (
  view: NodeView,
  alias: string,
  index: string,
): Promise<Record<string, Connected>> => {
  const { persistent } = view.state.read();
  const seeds = [persistent[`cluster.remote.${alias}.seeds`] ?? []].flat();
  if (seeds.length === 0) return { [alias]: { connected: false, error: `no such remote cluster: [${alias}]` } };
  const credential = view.secret(`cluster.remote.${alias}.credentials`);
  for (const seed of seeds) {
    const found = await ask(view, { alias, address: seed, credential });
    if (found.connected && index !== '*' && credential !== null) return { [alias]: refusal(credential, index) };
    if (found.connected || found.error) return { [alias]: found };
  }
  return { [alias]: { connected: false } };
};
