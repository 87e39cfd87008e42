import type { SecretRedactor } from '../hooks/secret-redactor.ts';

/** One stream of a program: decodes it, takes secrets out of it, keeps its beginning up to a limit, and says what of it may still be shown. */
export class OutputCollector {
  readonly #limit: number;
  readonly #redactor: SecretRedactor | undefined;
  readonly #decoder = new TextDecoder();
  #kept = '';
  #bytes = 0;

  constructor(limitBytes: number, redactor?: SecretRedactor) {
    this.#limit = limitBytes;
    this.#redactor = redactor;
  }

  get text(): string {
    return this.#kept;
  }

  get truncated(): boolean {
    return this.#bytes > this.#limit;
  }

  /** Secrets that were taken out. */
  get redacted(): number {
    return this.#redactor?.count ?? 0;
  }

  /** Takes the next bytes and gives the text that is new and within the limit, maybe empty. */
  add(bytes: Uint8Array): string {
    const room = Math.max(0, this.#limit - this.#bytes);
    this.#bytes += bytes.length;
    if (room === 0) return '';
    return this.#append(this.#decoder.decode(bytes.subarray(0, room), { stream: true }));
  }

  /** Gives what a cut character and a text that might have become a secret leave at the end. */
  end(): string {
    const rest = this.#append(this.truncated ? '' : this.#decoder.decode());
    return rest + this.#keep(this.#redactor?.end(this.truncated) ?? '');
  }

  #append(text: string): string {
    return this.#keep(this.#redactor?.add(text) ?? text);
  }

  #keep(text: string): string {
    this.#kept += text;
    return text;
  }
}
