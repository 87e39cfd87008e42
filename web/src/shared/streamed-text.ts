/** A piece of an answer that is still being written: a heading made of its key, and the text seen so far. */
export interface StreamedPiece {
  readonly key: string;
  readonly text: string;
  /** True while the closing quote has not come. */
  readonly open: boolean;
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '',
  b: '',
  f: '',
  '"': '"',
  '\\': '\\',
  '/': '/',
};

interface ReadString {
  readonly start: number;
  readonly value: string;
  readonly next: number;
  readonly closed: boolean;
}

function readEscape(text: string, at: number): { readonly value: string; readonly length: number } | undefined {
  const sign = text[at + 1];
  if (sign === undefined) return undefined;
  if (sign !== 'u') return { value: escapes[sign] ?? sign, length: 2 };
  const digits = text.slice(at + 2, at + 6);
  if (digits.length < 4) return undefined;
  return { value: String.fromCharCode(Number.parseInt(digits, 16)), length: 6 };
}

function readString(text: string, start: number): ReadString {
  let value = '';
  let at = start + 1;
  while (at < text.length) {
    if (text[at] === '"') return { start, value, next: at + 1, closed: true };
    if (text[at] !== '\\') {
      value += text[at];
      at += 1;
      continue;
    }
    const escape = readEscape(text, at);
    if (escape === undefined) break;
    value += escape.value;
    at += escape.length;
  }
  return { start, value, next: text.length, closed: false };
}

const isKey = (text: string, at: number): boolean => /^\s*:/.test(text.slice(at, at + 8));

/**
 * Takes the readable strings out of JSON that is not complete yet. A string in a list or in a nested object belongs to the
 * nearest key of an object. Text that is no JSON comes back as one piece without a key.
 */
export function streamedPieces(text: string): readonly StreamedPiece[] {
  if (!text.trimStart().startsWith('{')) return text.trim() === '' ? [] : [{ key: '', text, open: true }];
  const pieces: StreamedPiece[] = [];
  let key = '';
  let at = 0;
  while (at < text.length) {
    if (text[at] !== '"') {
      at += 1;
      continue;
    }
    const read = readString(text, at);
    at = read.next;
    if (read.closed && isKey(text, at)) key = read.value;
    else if (read.value !== '' && !isPossibleKey(text, read))
      pieces.push({ key, text: read.value, open: !read.closed });
  }
  return pieces;
}

/** At the end of the text a string after `{` or `,` inside an object may still turn out to be a key: it is not shown before that is known. */
function isPossibleKey(text: string, read: ReadString): boolean {
  if (read.closed && text.slice(read.next).trim() !== '') return false;
  const before = text.slice(0, read.start).trimEnd();
  return (before.endsWith('{') || before.endsWith(',')) && openBracket(before) === '{';
}

function openBracket(text: string): string | undefined {
  const open: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at];
    if (sign === '"') at = readString(text, at).next - 1;
    else if (sign === '{' || sign === '[') open.push(sign);
    else if (sign === '}' || sign === ']') open.pop();
  }
  return open.at(-1);
}

/** Writes a key of the answer as a heading: `key_points` becomes `Key points`. */
export function toHeading(key: string): string {
  const words = key.replaceAll(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Joins pieces of the same key that follow each other, in order. */
export function groupPieces(
  pieces: readonly StreamedPiece[],
): readonly { readonly key: string; readonly texts: readonly string[] }[] {
  const groups: { key: string; texts: string[] }[] = [];
  for (const piece of pieces) {
    const last = groups.at(-1);
    if (last !== undefined && last.key === piece.key) last.texts.push(piece.text);
    else groups.push({ key: piece.key, texts: [piece.text] });
  }
  return groups;
}
