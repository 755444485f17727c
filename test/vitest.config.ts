import { cpus } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.ts';

/** Real processes, sockets and Redis, but no Elasticsearch node: these tests mostly wait, so files run side by side. */
const services = [
  'integration/run/**/*.test.ts',
  'integration/agent/**/*.test.ts',
  'integration/store/**/*.test.ts',
  'integration/fleet/**/*.test.ts',
  'integration/schedule/**/*.test.ts',
  'integration/certificates/{cas,issuing,signing}.test.ts',
  'integration/private-redis*.test.ts',
  'faults/**/*.test.ts',
];
const realNode = 'integration/agent/elasticsearch.test.ts';
const placed = 'integration/certificates/{place,elsewhere}.test.ts';

/** Projects by what their tests need. Each file of tests is in exactly one. */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['unit/**/*.test.ts', 'cases/**/*.test.ts'],
          pool: 'forks',
          isolate: false,
          maxWorkers: cpus().length,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'services',
          include: services,
          exclude: [realNode],
          pool: 'forks',
          maxWorkers: cpus().length + 2,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['integration/{connect,gateway,http}/**/*.test.ts', 'integration/*.test.ts', realNode, placed],
          exclude: ['integration/private-redis*.test.ts'],
          globalSetup: ['elasticsearch/shared-pair.ts'],
          pool: 'forks',
          maxWorkers: 2, // real clusters of up to six nodes each: mostly they wait, and memory is enough for two
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
