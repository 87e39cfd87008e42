import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../../src/config/index.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { EmbeddedModel } from '../../src/llm/embedded/index.ts';
import { findStoredModel } from '../../src/llm/store/index.ts';
import { startModelService } from '../../src/apps/model-service/index.ts';

const names = ['qwen2.5-coder:0.5b', 'qwen2.5-coder:1.5b'];
const prompt = 'Describe how a small town could use its river, in plain English.';
const outputTokens = 32;

const round = (value: number): number => Math.round(value * 10) / 10;

/** Keeps a core busy as a booting VM does, until it is stopped. */
function startLoad(processes: number): () => Promise<void> {
  const controller = new AbortController();
  const ended = Array.from({ length: processes }, () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    execFile(process.execPath, ['-e', 'for (;;) Math.random();'], { signal: controller.signal }, () => resolve());
    return promise;
  });
  return async () => {
    controller.abort();
    await Promise.all(ended);
  };
}

/** Tokens per second of the whole service with some calls at one time, as its callers see it. */
async function measure(url: string, model: string, calls: number): Promise<number> {
  const startedAt = performance.now();
  const counts = await Promise.all(
    Array.from({ length: calls }, async (_unused, index) => {
      const response = await fetch(`${url}/api/generate`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, prompt, stream: false, options: { seed: index, num_predict: outputTokens } }),
      });
      if (!response.ok) throw new Error(`The model service answered ${response.status}: ${await response.text()}`);
      return ((await response.json()) as { readonly eval_count: number }).eval_count;
    }),
  );
  return round((counts.reduce((sum, count) => sum + count, 0) * 1000) / (performance.now() - startedAt));
}

async function lease(url: string, milliseconds: number): Promise<void> {
  await fetch(`${url}/bigbox/yield`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ holder: 'bench', milliseconds }),
  });
}

/** The service quiet, beside one busy core without and with a lease: what the sharing of the machine is worth. */
async function measureService(name: string, cacheDir: string): Promise<object> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bigbox-bench-'));
  const service = await startModelService({ cacheDir, dataDir, instance: 'bench', port: 0, logger: silentLogger });
  const { url } = service;
  try {
    await measure(url, name, 1);
    const state = service.state();
    const quietOneCall = await measure(url, name, 1);
    const quietSixCalls = await measure(url, name, 6);
    const stop = startLoad(1);
    const besideLoadOneCall = await measure(url, name, 1);
    await lease(url, 600_000);
    const besideLoadWithLease = await measure(url, name, 1);
    await stop();
    const quietWithLease = await measure(url, name, 1);
    await lease(url, 0);
    return {
      calibration: state.speeds.map((speed) => ({
        threads: speed.threads,
        prompt_tokens_per_second: round(speed.promptTokensPerSecond),
        output_tokens_per_second: round(speed.outputTokensPerSecond),
      })),
      threads: state.threads,
      tokens_per_second: {
        quiet_one_call: quietOneCall,
        quiet_six_calls: quietSixCalls,
        quiet_one_call_lease_held: quietWithLease,
        one_core_busy_one_call: besideLoadOneCall,
        one_core_busy_one_call_lease_held: besideLoadWithLease,
      },
    };
  } finally {
    await service.close();
    await rm(dataDir, { recursive: true });
  }
}

/** llama.cpp beside one busy core with each number of threads and nobody to lower it: what the governor avoids. */
async function measureUngoverned(path: string): Promise<object> {
  const cores = availableParallelism();
  const model = await EmbeddedModel.open({ path, sequences: 1, contextLength: 512, cores, logger: silentLogger });
  const stop = startLoad(1);
  try {
    const speeds = await model.calibrate(cores, { evenIfBusy: true });
    return speeds.map((speed) => ({ threads: speed.threads, tokens_per_second: round(speed.outputTokensPerSecond) }));
  } finally {
    await stop();
    await model.close();
  }
}

/** Measures the models that are on this machine. Models that are absent are named as such and not fetched. */
export async function run(models: readonly string[] = names): Promise<object> {
  const { cacheDir } = loadConfiguration();
  const results: Record<string, object> = {};
  for (const name of models) {
    const stored = await findStoredModel(name, cacheDir);
    results[name] =
      stored === undefined
        ? { absent: true }
        : {
            ...(await measureService(name, cacheDir)),
            one_core_busy_without_governor: await measureUngoverned(stored.path),
          };
  }
  return { cores: availableParallelism(), models: results };
}
