import { setInterval as every } from 'node:timers';
import { setTimeout as wait } from 'node:timers/promises';
import type { ParallelResult } from '../contracts/analysis.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { ParallelRequest, RunStatus } from '../contracts/runs.ts';
import { systemClock } from '../lib/clock.ts';
import type { AgentClient } from '../sdk/index.ts';
import { RunView } from './output/run-view.ts';

const modelPatienceMs = 120_000;

/** Waits until a model serves. Throws MODEL_UNREACHABLE with what the server says about it. */
export async function waitForModel(client: AgentClient, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + modelPatienceMs;
  for (;;) {
    const { model } = await client.system(signal);
    if (model.state === 'ready') return;
    if (performance.now() > deadline)
      throw new BigboxError('MODEL_UNREACHABLE', {
        message: `No model serves after ${modelPatienceMs / 1000} s: ${model.note ?? model.state}.`,
      });
    await wait(200, undefined, { signal });
  }
}

/**
 * Runs a parallel analysis and shows its lanes; an abort cancels the run on the server too. Answers with its result.
 * Throws RUN_FAILED, RUN_CANCELLED and what the server says.
 */
export async function runAnalysis(
  client: AgentClient,
  request: ParallelRequest,
  signal: AbortSignal,
): Promise<ParallelResult> {
  const id = await client.startParallel(request, signal);
  const view = new RunView(process.stderr, systemClock);
  const ticks = every(() => view.refresh(), 200);
  try {
    for await (const event of client.events(id, { signal })) view.handle(event);
  } catch (error) {
    if (signal.aborted) await client.cancel(id);
    throw error;
  } finally {
    clearInterval(ticks);
    view.finish();
  }
  return resultOf(await client.status(id));
}

function resultOf(run: RunStatus): ParallelResult {
  if (run.status === 'completed' && run.result !== undefined) return run.result;
  if (run.status === 'cancelled')
    throw new BigboxError('RUN_CANCELLED', { message: `The run ${run.id} was cancelled.`, context: { run: run.id } });
  throw new BigboxError('RUN_FAILED', {
    message: run.error ?? `The run ${run.id} ended as ${run.status} without a result.`,
    context: { run: run.id },
    ...(run.error_detail === undefined ? {} : { remedy: run.error_detail.remedy }),
  });
}
