/** A piece of the text that agents write while they answer. */
export type TextBlock =
  | { readonly kind: 'heading' | 'paragraph' | 'code'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] };

const heading = /^\*\*(.+)\*\*$/;
const item = /^[-*] (.*)$/;

class Blocks {
  readonly #blocks: TextBlock[] = [];
  #paragraph: string[] = [];
  #items: string[] = [];
  #code: string[] | undefined;

  add(line: string): void {
    if (this.#code !== undefined) {
      if (line.startsWith('```')) this.#flush();
      else this.#code.push(line);
      return;
    }
    const title = heading.exec(line.trim())?.[1];
    const point = item.exec(line)?.[1];
    if (line.startsWith('```')) {
      this.#flush();
      this.#code = [];
    } else if (line.trim() === '') this.#flush();
    else if (title !== undefined) {
      this.#flush();
      this.#blocks.push({ kind: 'heading', text: title });
    } else if (point !== undefined) this.#items.push(point);
    else if (this.#items.length > 0) this.#items.push(`${this.#items.pop() ?? ''} ${line.trim()}`);
    else this.#paragraph.push(line.trim());
  }

  end(): readonly TextBlock[] {
    this.#flush();
    return this.#blocks;
  }

  #flush(): void {
    if (this.#paragraph.length > 0) this.#blocks.push({ kind: 'paragraph', text: this.#paragraph.join(' ') });
    if (this.#items.length > 0) this.#blocks.push({ kind: 'list', items: this.#items });
    if (this.#code !== undefined) this.#blocks.push({ kind: 'code', text: this.#code.join('\n') });
    this.#paragraph = [];
    this.#items = [];
    this.#code = undefined;
  }
}

/** Reads titles, lists and code out of text that may still be growing. Everything else stays the words that they are. */
export function toBlocks(text: string): readonly TextBlock[] {
  const blocks = new Blocks();
  for (const line of text.split('\n')) blocks.add(line);
  return blocks.end();
}
