import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import type { NodeView } from './answers.ts';

interface Connected {
  readonly connected: boolean;
  readonly error?: string;
}

/** A request with the node's credential to the remote cluster server at this address, trusting what the node trusts. */
const ask = (view: NodeView, address: string, credential: string): Promise<Connected> =>
  new Promise((resolve) => {
    const [host, port] = address.split(':');
    const ca = view.authorities.filter(existsSync).map((path) => readFileSync(path));
    const headers = { authorization: `ApiKey ${credential}` };
    const sent = request({ host, port, ca, headers, agent: false, timeout: 5000 }, async (response) => {
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
  if (credential === null) return { [alias]: { connected: false } };
  for (const seed of seeds) {
    const found = await ask(view, seed, credential);
    if (found.connected && index !== '*') return { [alias]: refusal(credential, index) };
    if (found.connected || found.error) return { [alias]: found };
  }
  return { [alias]: { connected: false } };
};
