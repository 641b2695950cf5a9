import { defineConfig } from 'vitest/config';

// `site` needs MariaDB and PHP and runs two files at a time: its tests share the machine's cores with the
// processes that they start, and each file owns a whole site.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/site/**', 'test/minutes/**', 'test/demo/demo.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'site',
          include: ['test/site/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 240_000,
          globalSetup: ['test/harness/global-setup.ts'],
          // After the others: what it starts needs the cores.
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'demo',
          include: ['test/demo/demo.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
