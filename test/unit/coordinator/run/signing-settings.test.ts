import { json } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { StepContext } from '../../../../coordinator/src/run/executor.ts';
import { putSigningSettingsStep } from '../../../../coordinator/src/run/steps/cluster/signing-settings.ts';
import type { StepParts } from '../../../../coordinator/src/run/steps/parts.ts';
import { clientsOf, startWireCluster } from '../../../support/wire-cluster.ts';

const FILE = 'remora-signing-us.p12';
const NAME = 'cluster.remote.us.signing.keystore.path';

/** How the step ends on a cluster of these nodes: with the file or without it, or without an agent. */
const put = async (nodes: Readonly<Record<string, 'file' | 'no file' | 'no agent'>>, value: string | null) => {
  const written: string[] = [];
  const node = { version: '9.5.3', roles: ['data'], host: '127.0.0.1' };
  const eu = await startWireCluster(async ({ url, method }) => {
    if (method === 'PUT') written.push(url ?? '');
    if (url?.startsWith('/_nodes'))
      return { body: { nodes: Object.fromEntries(Object.keys(nodes).map((name) => [name, { ...node, name }])) } };
    return { body: { acknowledged: true } };
  });
  const parts = {
    clients: clientsOf({ eu }),
    inventory: { nodes: { get: async (id: string) => (nodes[id.slice('eu/'.length)] === 'no agent' ? null : {}) } },
    agents: {
      read: async (at: { readonly node: string }) => ({
        files: [{ path: FILE, digest: nodes[at.node] === 'file' ? 'd' : null }],
      }),
    },
  } as unknown as StepParts;
  const context = {
    ...{ checkFence: async () => undefined, phase: async () => undefined, remember: async () => undefined },
    memory: { kept: null },
  } as unknown as StepContext;
  const input = { cluster: 'eu', persistent: { [NAME]: value }, before: { [NAME]: null }, crossing: null };
  const ended = await putSigningSettingsStep(parts)(context, input).catch((error: Error) => error.message);
  return { ended, written: written.length };
};

describe('a setting that names a file', () => {
  test('is written where every node of the cluster has the file', async () => {
    expect(await put({ 'eu-1': 'file', 'eu-2': 'file' }, FILE)).toEqual({ ended: null, written: 1 });
  });

  test.each(['no file', 'no agent'] as const)('is not where a node that is there by now has %s', async (lacks) => {
    const { ended, written } = await put({ 'eu-1': 'file', 'eu-3': lacks }, FILE);
    expect(ended).toContain(`Node eu-3 of cluster eu has no file ${FILE}, or no agent that could say so`);
    expect(written).toBe(0);
  });

  test('is taken out whoever has the file', async () => {
    expect(await put({ 'eu-1': 'no file', 'eu-2': 'no agent' }, null)).toEqual({ ended: null, written: 1 });
  });
});

type Answer = Awaited<ReturnType<Parameters<typeof startWireCluster>[0]>>;

/** The answer to the first change is lost, or it is refused, of a connection that works. */
const putOver = async (first: Answer) => {
  const written: unknown[] = [];
  const eu = await startWireCluster(async (request) => {
    if (request.method !== 'PUT') return { body: {} };
    written.push(((await json(request)) as { readonly persistent: unknown }).persistent);
    return written.length === 1 ? first : { body: { acknowledged: true } };
  });
  const context = {
    ...{ checkFence: async () => undefined, phase: async () => undefined, remember: async () => undefined },
    memory: { kept: null },
  } as unknown as StepContext;
  const crossing = { local: 'eu', alias: 'us', keySecret: 'secret:key@1' };
  const input = { cluster: 'eu', persistent: { [NAME]: null }, before: { [NAME]: FILE }, crossing };
  const parts = { clients: clientsOf({ eu }) } as unknown as StepParts;
  const ended = await putSigningSettingsStep(parts)(context, input).catch((error: Error) => error.message);
  return { ended, written };
};

describe('a setting of a connection that works', () => {
  test.each([
    ['which is not known to have been taken', { status: 503, body: { error: 'no master' } }],
    ['which not every node has taken', { body: { acknowledged: false } }],
  ])('%s is put back at once', async (_, first) => {
    const { ended, written } = await putOver(first);
    expect(ended).toMatch(/no master|not every node acknowledged it/);
    expect(written).toEqual([{ [NAME]: null }, { [NAME]: FILE }]);
  });
});
