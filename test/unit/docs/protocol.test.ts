import { operations } from '@remora/shared/operations.ts';
import { schemas } from '@remora/shared/protocol/checks.ts';
import { outcomes } from '@remora/shared/protocol/delivery.ts';
import { closeCodes, HEARTBEAT_MS, MAX_FRAME_BYTES, PROTOCOL_VERSION, paths } from '@remora/shared/protocol/limits.ts';
import { describe, expect, it } from 'vitest';
import { read } from './markdown.ts';

const text = read('docs/protocol.md');
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .slice(2)
      .split('|')
      .map((cell) => cell.trim()),
  );

/** Names in the first column of the rows whose second column says this. */
const named = (second: string): string[] =>
  rows.flatMap(([first = '', next]) => (next === second ? [first.replaceAll('`', '')] : [])).sort();

const typesOf = (union: (typeof schemas)[keyof typeof schemas]): string[] =>
  union.anyOf.map((message) => message.properties.type.const).sort();

describe('docs/protocol.md', () => {
  it('has every message, on its side', () => {
    expect(named('agent')).toEqual(typesOf(schemas.isFromAgent));
    expect(named('coordinator')).toEqual(typesOf(schemas.isFromCoordinator));
  });

  it('has every operation with its effect', () => {
    for (const effect of ['read', 'change'] as const) {
      const wanted = Object.entries(operations).filter(([, operation]) => operation.effect === effect);
      expect(named(effect)).toEqual(wanted.map(([name]) => name).sort());
    }
  });

  it.each([
    ...outcomes.map((outcome) => `| \`${outcome}\` `),
    ...Object.values(closeCodes).map((code) => `| ${code} `),
    ...Object.values(paths).map((path) => ` ${path}\``),
    `protocol version ${PROTOCOL_VERSION}.`,
    `at most ${MAX_FRAME_BYTES / 1024 ** 2} MiB`,
    `every ${HEARTBEAT_MS / 1000} s`,
  ])('says %s', (words) => {
    expect(text).toContain(words);
  });
});
