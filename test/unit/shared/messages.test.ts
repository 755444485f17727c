import { RemoraError } from '@remora/shared/errors.ts';
import { MAX_FRAME_BYTES } from '@remora/shared/protocol/limits.ts';
import { parseFromAgent, parseFromCoordinator } from '@remora/shared/protocol/messages.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const hello = {
  type: 'hello',
  version: 1,
  agentVersion: '0.1.0',
  name: 'us-1',
  cluster: 'us',
  storeId: 's',
  fence: 0,
  elasticsearch: { running: true, configDir: '/etc/elasticsearch', pid: 1 },
};
const change = {
  name: 'keystore',
  input: {
    set: [{ name: 'cluster.remote.us.credentials', value: { $secret: 'secret:a@1' }, reference: 'secret:a@1' }],
    remove: [],
  },
};
const deliver = { type: 'deliver', id: 'r/s/1', fence: 7, operations: [change] };

const fromAgent = [
  hello,
  { ...hello, elasticsearch: { ...hello.elasticsearch, running: false, pid: null } },
  { type: 'heartbeat', running: true, pid: 1, delivery: null },
  { type: 'draining' },
  { type: 'result', id: 'r/s/1', outcome: 'done', results: [{ changed: [], digest: 'x' }], error: null },
  {
    type: 'result',
    id: 'r/s/1',
    outcome: 'undone',
    results: [],
    error: { code: 'step-undone', message: 'it did not start' },
  },
  { type: 'progress', id: 'r/s/1', phase: 'stopping' },
];
const fromCoordinator = [
  { type: 'welcome', version: 1, epoch: 3, heartbeatMs: 5000 },
  { type: 'acknowledge', id: 'r/s/1' },
  deliver,
  { ...deliver, operations: [{ name: 'probe', input: { host: 'us-1', port: 9443, timeoutMs: 5000, tls: {} } }] },
];

const bad: readonly (readonly [string, unknown])[] = [
  ['no object', 1],
  ['null', null],
  ['a list', []],
  ['no type', {}],
  ['an unknown type', { type: 'shell', command: 'id' }],
  ['a missing field', { ...deliver, fence: undefined }],
  ['no operation', { ...deliver, operations: [] }],
  ['too many operations', { ...deliver, operations: Array.from({ length: 21 }, () => change) }],
  ['an unknown operation', { ...deliver, operations: [{ name: 'shell', input: {} }] }],
  ['an operation with the input of another', { ...deliver, operations: [{ name: 'probe', input: change.input }] }],
  ['a fence that is no whole number', { ...deliver, fence: 1.5 }],
  ['a fence below 0', { ...deliver, fence: -1 }],
  [
    'a keystore name that is a flag',
    {
      ...deliver,
      operations: [{ name: 'keystore', input: { set: [{ name: '-h x', value: 'v', reference: 'r' }], remove: [] } }],
    },
  ],
  [
    'a port that is none',
    { ...deliver, operations: [{ name: 'probe', input: { host: 'h', port: 70_000, timeoutMs: 5000 } }] },
  ],
];

describe('what an agent sends', () => {
  test.each(fromAgent)('%j is read', (message) => {
    expect(parseFromAgent(JSON.stringify(message))).toEqual(message);
  });
  test.each(fromCoordinator)('%j is not for a coordinator', (message) => {
    expect(() => parseFromAgent(JSON.stringify(message))).toThrow(
      expect.objectContaining({ code: 'protocol-violation' }),
    );
  });
  test.each([
    ['an unknown outcome', { type: 'result', id: 'x', outcome: 'maybe', results: [], error: null }],
    [
      'an unknown code',
      { type: 'result', id: 'x', outcome: 'refused', results: [], error: { code: 'nope', message: 'm' } },
    ],
    ['a phase that is a novel', { type: 'progress', id: 'x', phase: 'x'.repeat(201) }],
    ['a pid that is text', { ...hello, elasticsearch: { ...hello.elasticsearch, pid: '1' } }],
  ])('%s is refused', (_, message) => {
    expect(() => parseFromAgent(JSON.stringify(message))).toThrow(
      expect.objectContaining({ code: 'protocol-violation' }),
    );
  });
});

describe('what a coordinator sends', () => {
  test.each(fromCoordinator)('%j is read', (message) => {
    expect(parseFromCoordinator(JSON.stringify(message))).toEqual(message);
  });
  test.each(bad)('%s is refused', (_, message) => {
    expect(() => parseFromCoordinator(JSON.stringify(message))).toThrow(
      expect.objectContaining({ code: 'protocol-violation' }),
    );
  });
});

describe('a frame', () => {
  const readers = [parseFromAgent, parseFromCoordinator];

  test('that is too large is not even read as JSON', () => {
    const frame = JSON.stringify({ type: 'draining', padding: 'x'.repeat(MAX_FRAME_BYTES) });
    expect(() => parseFromAgent(frame)).toThrow(`over the limit of ${MAX_FRAME_BYTES}`);
  });

  test('that is refused is not quoted: it may hold a secret', () => {
    const frame = JSON.stringify({ type: 'result', id: 'r/s/1', results: 'hunter2-hunter2' });
    for (const read of readers)
      expect(() => read(frame)).toThrow(expect.not.objectContaining({ message: expect.stringContaining('hunter2') }));
    for (const read of readers) expect(() => read('{"password":"hunter2"')).toThrow(/^a frame is not JSON$/);
  });

  test('is read or refused by name, whatever it is', () => {
    const types = fc.constantFrom(
      'hello',
      'heartbeat',
      'draining',
      'result',
      'progress',
      'welcome',
      'deliver',
      'acknowledge',
    );
    const messages = fc
      .tuple(types, fc.dictionary(fc.string(), fc.jsonValue()))
      .map(([type, more]) => JSON.stringify({ ...more, type }));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), messages), (frame) => {
        for (const read of readers) {
          try {
            read(frame);
          } catch (error) {
            expect(error).toBeInstanceOf(RemoraError);
          }
        }
      }),
    );
  });

  test('nested deeper than any stack is refused by name', () => {
    const deep = 200_000;
    for (const read of readers)
      for (const frame of [
        '['.repeat(deep),
        `${'['.repeat(deep)}${']'.repeat(deep)}`,
        `{"type":"result","id":"x","outcome":"done","error":null,"results":${'['.repeat(deep)}${']'.repeat(deep)}}`,
      ])
        try {
          read(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(RemoraError);
        }
  });

  test.each(['{"type":{"toString":1}}', '{"type":["a secret text"]}'])('%s has no type that can be named', (frame) => {
    for (const read of readers) {
      expect(() => read(frame)).toThrow(RemoraError);
      expect(() => read(frame)).not.toThrow(/a secret text/);
    }
  });
});
