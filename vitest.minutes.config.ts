import { defineConfig } from 'vitest/config';

// What needs real minutes: `npm run test:cron`. Not part of `npm test`.
export default defineConfig({
  test: {
    name: 'minutes',
    include: ['test/minutes/**/*.test.ts'],
    testTimeout: 900_000,
    hookTimeout: 240_000,
    globalSetup: ['test/harness/global-setup.ts'],
    fileParallelism: false,
    maxWorkers: 1,
  },
});
