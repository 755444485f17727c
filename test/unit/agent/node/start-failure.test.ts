import { expect, test } from 'vitest';
import { lastLines } from '../../../../agent/src/node/start-failure.ts';

test('a quotation has what Elasticsearch says, without prefixes, stack frames and warnings of the JVM', () => {
  const text = [
    'OpenJDK 64-Bit Server VM warning: something',
    '[2026-11-23 23:33:40,535][WARN ][stderr                   ] [n-1] java.lang.IllegalArgumentException: unknown setting [a.b]',
    '[2026-11-23 23:33:40,535][WARN ][stderr                   ] [n-1] \tat org.elasticsearch.server@9.5.3/org.elasticsearch.node.Node.<init>(Node.java:191)',
    '\t... 3 more',
    '',
    'ERROR: Elasticsearch died while starting up, with exit code 1',
  ].join('\n');
  expect(lastLines(text)).toBe(
    'java.lang.IllegalArgumentException: unknown setting [a.b] | ERROR: Elasticsearch died while starting up, with exit code 1',
  );
});

test('a quotation is short however much there is to say', () => {
  expect(lastLines(`${'x'.repeat(5000)}\n`.repeat(100)).length).toBeLessThanOrEqual(2000);
});
