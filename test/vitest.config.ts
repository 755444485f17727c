import { cpus } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Projects by what their tests need. Each file of tests is in exactly one. */
export default defineConfig({
  root: import.meta.dirname,
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['unit/**/*.test.ts', 'cases/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: cpus().length,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['integration/**/*.test.ts'],
          globalSetup: ['elasticsearch/shared-pair.ts'],
          pool: 'forks',
          maxWorkers: 1, // real clusters: memory for one file's at a time
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
