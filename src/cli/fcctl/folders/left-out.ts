/** Something in a folder that is not copied. */
export interface LeftOut {
  readonly name: string;
  readonly reason: string;
}

const mostNamed = 50;

/** What was left out of a copy: the first few by name, all by number. */
export class LeftOutList {
  readonly #named: LeftOut[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(one: LeftOut): void {
    this.#count += 1;
    if (this.#named.length < mostNamed) this.#named.push(one);
  }

  /** One line each; nothing in a name can steer a terminal. */
  toString(): string {
    const more = this.#count - this.#named.length;
    const lines = this.#named.map(({ name, reason }) => `left out ${JSON.stringify(name)}: ${reason}\n`);
    return `${lines.join('')}${more > 0 ? `left out ${more} more\n` : ''}`;
  }
}
