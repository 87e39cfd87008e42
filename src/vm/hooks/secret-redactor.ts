/** What stands in the place of a secret. */
export const redacted = '[redacted]';

interface SecretForm {
  /** How it begins, letter for letter; a text that ends within one waits for more. */
  readonly prefix: string;
  /** What follows the prefix. */
  readonly rest: string;
}

const letters = 'A-Za-z0-9';
/** Keys that are told by their form; each has a prefix that honest text hardly begins with. */
const forms: readonly SecretForm[] = [
  { prefix: 'bb_', rest: `[${letters}_-]{20,}` },
  { prefix: 'sk-', rest: `[${letters}_-]{20,}` },
  { prefix: 'ghp_', rest: `[${letters}]{30,}` },
  { prefix: 'gho_', rest: `[${letters}]{30,}` },
  { prefix: 'ghs_', rest: `[${letters}]{30,}` },
  { prefix: 'ghu_', rest: `[${letters}]{30,}` },
  { prefix: 'github_pat_', rest: `[${letters}_]{30,}` },
  { prefix: 'glpat-', rest: `[${letters}_-]{20,}` },
  { prefix: 'npm_', rest: `[${letters}]{30,}` },
  { prefix: 'hf_', rest: `[${letters}]{30,}` },
  { prefix: 'xoxb-', rest: `[${letters}-]{20,}` },
  { prefix: 'xoxp-', rest: `[${letters}-]{20,}` },
  { prefix: 'AKIA', rest: '[A-Z0-9]{16}' },
  { prefix: 'AIza', rest: `[${letters}_-]{35}` },
  { prefix: 'eyJ', rest: `[${letters}_-]{10,2000}\\.[${letters}_-]{10,}\\.[${letters}_-]{10,}` },
];
const keyBlock = { begin: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/, end: /-----END [A-Z ]{0,40}PRIVATE KEY-----/ };
const keyBlockPrefix = '-----BEGIN ';
/** Longer things are no secret that we know; holding more would delay output. */
const maxHeld = 16_384;
const shortestValue = 8;
const longestValue = 4096;
const wordClass = `[${letters}_.-]`;
const ofWord = new RegExp(wordClass);

const escapeForm = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/**
 * Takes secrets out of a text that comes in parts: keys of known forms, private keys, and given values. What may be the beginning of a
 * secret is held back until the next part decides; nothing else is delayed.
 */
export class SecretRedactor {
  readonly #values: readonly string[];
  readonly #pattern: RegExp;
  #held = '';
  #count = 0;

  /** Values shorter than eight characters are left alone, for they stand in honest text too, and those longer than 4096. */
  constructor(values: readonly string[] = []) {
    this.#values = values
      .filter(({ length }) => length >= shortestValue && length <= longestValue)
      .toSorted((a, b) => b.length - a.length);
    const known = forms.map(({ prefix, rest }) => `(?<!${wordClass})${escapeForm(prefix)}${rest}`);
    this.#pattern = new RegExp([...this.#values.map(escapeForm), ...known].join('|'), 'g');
  }

  /** Secrets that were taken out so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes the next part and gives what may be shown, maybe nothing. */
  add(part: string): string {
    const text = this.#withoutKeyBlocks(this.#held + part);
    const from = this.#undecidedFrom(text);
    this.#held = text.slice(from);
    return this.#redact(text.slice(0, from));
  }

  /** Gives what was held back; of a secret that the end cut, nothing. */
  end(isCut: boolean): string {
    const text = this.#held;
    this.#held = '';
    if (keyBlock.begin.test(text) || (isCut && this.#undecidedFrom(text) === 0 && text.length >= shortestValue))
      return this.#replace();
    return this.#redact(text);
  }

  #redact(text: string): string {
    return text.replaceAll(this.#pattern, () => this.#replace());
  }

  #replace(): string {
    this.#count += 1;
    return redacted;
  }

  #withoutKeyBlocks(text: string): string {
    let rest = text;
    for (let begin = keyBlock.begin.exec(rest); begin !== null; begin = keyBlock.begin.exec(rest)) {
      const end = keyBlock.end.exec(rest.slice(begin.index));
      if (end === null && rest.length - begin.index <= maxHeld) return rest;
      const after = end === null ? rest.length : begin.index + end.index + end[0].length;
      rest = rest.slice(0, begin.index) + this.#replace() + rest.slice(after);
    }
    return rest;
  }

  /** Where the part begins that the text to come may make a secret. */
  #undecidedFrom(text: string): number {
    const candidates = [this.#wordFrom(text), this.#valueFrom(text), keyBlockFrom(text)];
    const from = Math.min(...candidates);
    return text.length - from > maxHeld ? text.length : from;
  }

  #wordFrom(text: string): number {
    const last = lastWord(text);
    const isOpen = last !== '' && forms.some(({ prefix }) => prefix.startsWith(last) || last.startsWith(prefix));
    return isOpen ? text.length - last.length : text.length;
  }

  #valueFrom(text: string): number {
    const lengths = this.#values.map((value) => overlap(text, value));
    return text.length - Math.max(0, ...lengths);
  }
}

/** Searched from the end: output is hostile, and must cost no more than its length. */
function lastWord(text: string): string {
  let from = text.length;
  while (from > 0 && text.length - from <= maxHeld && ofWord.test(text.charAt(from - 1))) from -= 1;
  return text.slice(from);
}

function keyBlockFrom(text: string): number {
  const begun = keyBlock.begin.exec(text);
  if (begun !== null) return begun.index;
  const line = text.lastIndexOf(keyBlockPrefix);
  if (line >= 0 && text.length - line < 64 && !text.slice(line).includes('\n')) return line;
  return text.length - overlap(text, keyBlockPrefix);
}

/** The longest end of the text that the value begins with, short of all of it. */
function overlap(text: string, value: string): number {
  for (let length = Math.min(value.length - 1, text.length); length > 0; length -= 1)
    if (value.startsWith(text.slice(text.length - length))) return length;
  return 0;
}
