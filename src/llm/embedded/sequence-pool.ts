import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { Semaphore } from '../../lib/async.ts';

/** A sequence of the context, held until it is released. */
export interface HeldSequence {
  readonly sequence: LlamaContextSequence;
  release(): void;
}

/**
 * The sequences of one context. A caller gets the free one whose evaluated tokens agree longest with its prompt, so that shared
 * beginnings (a role, an earlier turn) are not evaluated again.
 */
export class SequencePool {
  readonly #free: Set<LlamaContextSequence>;
  readonly #places: Semaphore;

  constructor(sequences: readonly LlamaContextSequence[]) {
    this.#free = new Set(sequences);
    this.#places = new Semaphore(sequences.length);
  }

  /** Waits for a free sequence. Throws the signal's reason. */
  async acquire(tokens: readonly Token[], signal: AbortSignal): Promise<HeldSequence> {
    const release = await this.#places.acquire(signal);
    const sequence = this.#closest(tokens);
    this.#free.delete(sequence);
    return {
      sequence,
      release: () => {
        this.#free.add(sequence);
        release();
      },
    };
  }

  #closest(tokens: readonly Token[]): LlamaContextSequence {
    const ranked = [...this.#free]
      .map((sequence) => ({ sequence, shared: sequence.compareContextTokens([...tokens]).firstDifferentIndex }))
      .toSorted(
        (one, other) => other.shared - one.shared || one.sequence.nextTokenIndex - other.sequence.nextTokenIndex,
      );
    const best = ranked[0];
    if (best === undefined) throw new Error('A place was free, but no sequence.');
    return best.sequence;
  }
}
