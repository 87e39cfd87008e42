import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectGuest } from '../../src/guest/index.ts';
import type { Flood } from './support/flooding-guest.ts';
import { usedBytes } from './support/used-bytes.ts';

const floodMs = 2000;
/** The host may not be held up for longer than this beyond its deadline, on a machine that does other things too. */
const slackMs = 3000;
const growthBytes = 24 << 20;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-flood-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function* ask(path: string): AsyncGenerator<unknown> {
  const signal = AbortSignal.timeout(floodMs);
  await using connection = await connectGuest({ socketPath: path, deadlineMs: floodMs, signal });
  yield* connection.agent.exec({ argv: ['/bin/true'] }, { signal });
}

describe('a guest that sends without end', () => {
  test.for<Flood>(['noise', 'pings', 'empty messages', 'single bytes'])(
    '%s: the host keeps its deadlines and its memory',
    async (flood) => {
      const path = join(directory, 'agent');
      const file = new URL('support/flooding-guest.ts', import.meta.url);
      const guest = new Worker(file, { workerData: { path, flood } });
      await once(guest, 'message');
      const before = usedBytes();
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const startedAt = performance.now();
      let events = 0;
      const read = async (): Promise<void> => {
        for await (const event of ask(path)) events += event === undefined ? 0 : 1;
      };
      await expect(read()).rejects.toThrow();
      const tookMs = performance.now() - startedAt;
      delay.disable();
      const grown = usedBytes() - before;
      await guest.terminate();
      const ms = (value: number): number => Math.round(value / 10_000) / 100;
      console.log(
        JSON.stringify({
          flood,
          events,
          tookMs,
          loop_delay_ms: { p99: ms(delay.percentile(99)), max: ms(delay.max) },
          grown,
        }),
      );
      expect(tookMs).toBeLessThan(floodMs + slackMs);
      expect(grown).toBeLessThan(growthBytes);
    },
  );
});
