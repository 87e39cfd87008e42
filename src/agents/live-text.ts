type Frame = { readonly kind: 'object'; key: string | undefined } | { readonly kind: 'array'; items: number };

/** How a field of the answer is shown while it comes. Fields without an entry stay hidden. */
export interface LiveField {
  readonly title?: string;
  readonly style: 'paragraph' | 'list' | 'code';
}

/**
 * Turns the JSON that a model is writing into text that a person can read as it comes: strings appear character by
 * character, under the titles of their fields. It never fails; what is not JSON is simply not shown.
 */
export class LiveText {
  readonly #fields: Readonly<Record<string, LiveField>>;
  readonly #frames: Frame[] = [];
  #string: { text: string; readonly isKey: boolean } | undefined;
  #escape = '';
  #titled: string | undefined;
  #hasWritten = false;
  /** Code may come line by line, in several strings and fields: they share one fence. */
  #isFenced = false;

  constructor(fields: Readonly<Record<string, LiveField>>) {
    this.#fields = fields;
  }

  /** Takes the next piece of JSON and gives the readable text that it adds. */
  push(json: string): string {
    let readable = '';
    for (const character of json)
      readable += this.#string === undefined ? this.#structure(character) : this.#inString(character);
    return readable;
  }

  #structure(character: string): string {
    const frame = this.#frames.at(-1);
    if (character === '{') this.#frames.push({ kind: 'object', key: undefined });
    else if (character === '[') this.#frames.push({ kind: 'array', items: 0 });
    else if (character === '}' || character === ']') return this.#close(character);
    else if (character === ',' && frame?.kind === 'object') frame.key = undefined;
    else if (character === '"') return this.#openString(frame);
    return '';
  }

  #close(character: string): string {
    this.#frames.pop();
    return character === '}' ? this.#endFence() : '';
  }

  #endFence(): string {
    const end = this.#isFenced ? '\n```' : '';
    this.#isFenced = false;
    return end;
  }

  #openString(frame: Frame | undefined): string {
    this.#string = { text: '', isKey: frame?.kind === 'object' && frame.key === undefined };
    if (frame?.kind === 'array') frame.items += 1;
    return '';
  }

  #inString(character: string): string {
    const current = this.#string;
    if (current === undefined) return '';
    if (this.#escape !== '') return this.#inEscape(current, character);
    if (character === '\\') {
      this.#escape = character;
      return '';
    }
    if (character === '"') return this.#closeString(current);
    return this.#take(current, character);
  }

  #inEscape(current: { text: string; readonly isKey: boolean }, character: string): string {
    this.#escape += character;
    if (this.#escape.startsWith('\\u') && this.#escape.length < 6) return '';
    const escaped = this.#escape;
    this.#escape = '';
    try {
      return this.#take(current, JSON.parse(`"${escaped}"`) as string);
    } catch {
      return '';
    }
  }

  #closeString(current: { readonly text: string; readonly isKey: boolean }): string {
    this.#string = undefined;
    const frame = this.#frames.at(-1);
    if (!current.isKey || frame?.kind !== 'object') return '';
    frame.key = current.text;
    return this.#field()?.style === 'code' ? '' : this.#endFence();
  }

  #take(current: { text: string; readonly isKey: boolean }, character: string): string {
    if (current.isKey) {
      current.text += character;
      return '';
    }
    if (this.#field() === undefined) return '';
    const opening = current.text === '' ? this.#opening() : '';
    current.text += character;
    return opening + character;
  }

  #opening(): string {
    const field = this.#field();
    if (field === undefined) return '';
    const name = this.#name();
    const isNew = name !== this.#titled;
    this.#titled = name;
    const gap = this.#hasWritten ? '\n\n' : '';
    this.#hasWritten = true;
    const title = isNew && field.title !== undefined ? `${gap}**${field.title}**\n` : '';
    if (field.style === 'code') {
      if (this.#isFenced) return '\n';
      this.#isFenced = true;
      return `${title === '' ? gap : title}\`\`\`\n`;
    }
    if (field.style === 'list') return title === '' ? '\n- ' : `${title}- `;
    return title === '' ? gap : title;
  }

  #name(): string | undefined {
    const direct = this.#frames.findLast((frame) => frame.kind === 'object');
    return direct?.kind === 'object' ? direct.key : undefined;
  }

  #field(): LiveField | undefined {
    const name = this.#name();
    return name === undefined ? undefined : this.#fields[name];
  }
}
