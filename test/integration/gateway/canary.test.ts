import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { generateRsaKeyPair } from '../../../coordinator/src/pki/keys.ts';
import { startGatewayFleet } from '../../support/gateway-fleet.ts';
import { joinAgent, WireAgent } from '../../support/wire-agent.ts';

/** Every form in which a value could lie around. */
const shapes = (value: Buffer): string[] => [
  ...(['utf8', 'latin1', 'base64', 'base64url', 'hex'] as const).map((encoding) => value.toString(encoding)),
  JSON.stringify(value.toString('utf8')).slice(1, -1),
];

test('secrets reach the agent and are nowhere else: not in commands to Redis, its files, its keys, or logs', async () => {
  const fleet = await startGatewayFleet();
  try {
    const commands: string[] = [];
    const monitor = await fleet.redis.monitor();
    monitor.on('monitor', (_time: string, args: string[]) => commands.push(args.join(' ')));
    const [one, two] = await Promise.all([fleet.coordinator('one'), fleet.coordinator('two')]);
    const text = Buffer.from(`canary-${randomBytes(16).toString('hex')}-"ü`);
    const bytes = randomBytes(64);
    const [textReference, bytesReference] = [
      await fleet.secrets.put('key', text),
      await fleet.secrets.put('p12', bytes),
    ];
    const agent = await WireAgent.connect(
      one.url,
      await joinAgent(fleet, one, { name: 'us-1', keys: await generateRsaKeyPair(2048) }),
    );

    const id = 'run-1/step-1/1';
    const call = two.gateway.calls.change(
      { cluster: 'us', node: 'us-1' },
      {
        ...{ id, fence: 1 },
        operations: [
          {
            name: 'files',
            input: {
              write: [{ path: 'a.p12', content: { $secret: bytesReference }, source: bytesReference, mode: 0o640 }],
              remove: [],
            },
          },
          {
            name: 'keystore',
            input: { set: [{ name: 'k', value: { $secret: textReference }, reference: textReference }], remove: [] },
          },
        ],
      },
      { timeoutMs: 20_000 },
    );
    expect((await agent.next('deliver')).operations).toMatchObject([
      { input: { write: [{ content: bytes.toString('base64') }] } },
      { input: { set: [{ value: text.toString('utf8') }] } },
    ]);
    agent.send({ type: 'result', id, outcome: 'done', results: [], error: null });
    await call;
    agent.answerAll(() => [{ status: 200, body: {} }]);
    const input = {
      method: 'GET' as const,
      path: '/',
      user: 'u',
      password: { $secret: textReference },
      timeoutMs: 1000,
    };
    await two.gateway.calls.read({ cluster: 'us', node: 'us-1' }, 'request', input, { timeoutMs: 20_000 });

    const dumps = await Promise.all((await fleet.redis.keys('*')).map((key) => fleet.redis.dumpBuffer(key)));
    const places = {
      commands: commands.join('\n'),
      files: await fleet.store.filesText(),
      keys: dumps.map((dump) => dump?.toString('latin1')).join('\n'),
      logs: [...one.logs, ...two.logs].join('\n'),
    };
    monitor.disconnect();
    // The search itself is proven by something that must be found.
    expect(places.commands).toContain(textReference);
    expect(places.files).toContain(textReference);
    expect(places.logs).toContain(id);
    for (const [place, content] of Object.entries(places)) {
      for (const shape of [...shapes(text), ...shapes(bytes)]) {
        const digest = createHash('sha256').update(shape).digest('hex').slice(0, 8);
        expect(content.includes(shape), `${place} holds the secret (shape ${digest})`).toBe(false);
      }
    }
    await agent.close();
  } finally {
    await fleet.stop();
  }
});
