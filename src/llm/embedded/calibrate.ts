import type { Llama, LlamaContext, LlamaModel } from 'node-llama-cpp';
import type { ThreadSpeed } from './types.ts';

const promptTokens = 64;
const promptPiece = 16;
const outputTokens = 16;
/** On a busy machine several threads may do less than one token a second: that is known early. */
const longestMs = 2_500;
const sample = 'A lighthouse keeper counts the ships that pass in the night and writes their names into a book. ';

/** The numbers of threads worth measuring: powers of two up to the cores, and the cores themselves. */
export function threadCandidates(cores: number): readonly number[] {
  const candidates: number[] = [];
  for (let threads = 1; threads < cores; threads *= 2) candidates.push(threads);
  return [...candidates, Math.max(1, cores)];
}

/** The number of threads that wrote fastest; among near equals the smallest, which leaves cores to others. */
export function fastestThreads(speeds: readonly ThreadSpeed[]): number {
  const best = Math.max(...speeds.map((speed) => speed.outputTokensPerSecond));
  const enough = speeds.filter((speed) => speed.outputTokensPerSecond >= best * 0.95).map((speed) => speed.threads);
  return Math.min(...enough);
}

/** Below this share of a core for one thread, others use the cores, and measuring more threads only takes long. */
const contestedShare = 0.8;

/**
 * Measures each number of threads by a short reading and writing on a sequence of its own. Where others use the cores it
 * ends early unless `evenIfBusy`. Leaves the last number set.
 */
export async function calibrate(
  parts: { readonly llama: Llama; readonly model: LlamaModel; readonly context: LlamaContext },
  options: { readonly candidates: readonly number[]; readonly evenIfBusy: boolean },
): Promise<readonly ThreadSpeed[]> {
  const { llama, model, context } = parts;
  const tokens = model.tokenize(sample.repeat(6)).slice(0, promptTokens);
  const sequence = context.getSequence();
  const speeds: ThreadSpeed[] = [];
  try {
    for (const threads of options.candidates) {
      llama.maxThreads = threads;
      await sequence.clearHistory();
      const startedAt = performance.now();
      const cpu = process.cpuUsage();
      let read = 0;
      for (; read < promptTokens && performance.now() - startedAt < longestMs; read += promptPiece)
        await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(read, read + promptPiece));
      const readAt = performance.now();
      let count = 0;
      for await (const _token of sequence.evaluate(tokens.slice(0, 1), {
        temperature: 0.8,
        seed: 1,
        yieldEogToken: true,
      })) {
        count += 1;
        if (count >= outputTokens || performance.now() - readAt > longestMs) break;
      }
      const endedAt = performance.now();
      speeds.push({
        threads,
        promptTokensPerSecond: (read * 1000) / (readAt - startedAt),
        outputTokensPerSecond: (count * 1000) / (endedAt - readAt),
      });
      const used = process.cpuUsage(cpu);
      const contested = (used.user + used.system) / 1000 < (endedAt - startedAt) * contestedShare;
      if (contested && !options.evenIfBusy) break;
    }
  } finally {
    await sequence.dispose();
  }
  return speeds;
}
