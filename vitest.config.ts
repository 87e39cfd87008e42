import { defineConfig } from 'vitest/config';
import { nodeFlags } from './src/lib/node-flags.ts';

/** `unit` runs anywhere in seconds; every other project needs the services or images its folder names. */
export default defineConfig({
  test: {
    execArgv: [...nodeFlags],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'web/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['src/**/*.real.test.ts', 'src/**/*.lab.test.ts'],
          testTimeout: 15_000,
        },
      },
      {
        test: {
          name: 'real',
          include: ['src/**/*.real.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'firecracker',
          include: ['src/vmm/firecracker/**/*.lab.test.ts', 'test/nested-kvm/**/*.lab.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      { test: { name: 'layers', include: ['test/layers/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'hostile',
          include: ['test/hostile/**/*.test.ts'],
          // Memory is collected often, so that what must not be collected early is found out.
          execArgv: [...nodeFlags, '--max-semi-space-size=1'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
