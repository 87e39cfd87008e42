import { createHash } from 'node:crypto';
import { z } from 'zod';
import { BigboxError } from '../contracts/errors.ts';

interface Kept<TResult> {
  readonly wishHash: string;
  readonly result: TResult;
}

/** A creating call that may come again, as it is written down. */
export const StoredRequest = z.object({ key: z.string(), wishHash: z.string() });
export type KeptRequest = Readonly<z.infer<typeof StoredRequest>>;

/** What the latest creating calls made, by the key that their callers chose: a call that is sent again makes nothing new. */
export class IdempotencyKeys<TResult> {
  readonly #limit: number;
  readonly #kept = new Map<string, Kept<TResult>>();

  /** Beyond the limit the oldest key is forgotten. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Makes the thing, or gives what the first call with the key made. Without a key it is always made; a call that failed is not kept.
   * Throws CONFLICT when the key came with another wish before, and what `make` throws.
   */
  once(key: string | undefined, wish: unknown, make: () => TResult): TResult {
    if (key === undefined) return make();
    const wishHash = hashWish(wish);
    const known = this.#kept.get(key);
    if (known !== undefined) {
      if (known.wishHash === wishHash) return known.result;
      throw new BigboxError('CONFLICT', {
        message: `The idempotency key ${JSON.stringify(key)} was sent before with another request.`,
        context: { idempotency_key: key },
        remedy: 'Choose a new key for a new request, or send the first one again unchanged.',
      });
    }
    const result = make();
    this.restore({ key, wishHash }, result);
    return result;
  }

  /** Keeps what an earlier call made. */
  restore({ key, wishHash }: KeptRequest, result: TResult): void {
    this.#kept.set(key, { wishHash, result });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#limit && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** What a key made turned out not to last. */
  forget(key: string): void {
    this.#kept.delete(key);
  }
}

const hashWish = (wish: unknown): string => createHash('sha256').update(canonical(wish)).digest('hex');

/** The call as it is to be written down, where it may come again. */
export const toRequest = (key: string | undefined, wish: unknown): { readonly request?: KeptRequest } =>
  key === undefined ? {} : { request: { key, wishHash: hashWish(wish) } };

/** JSON whose text does not depend on the order of keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
