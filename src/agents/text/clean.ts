const otherScripts = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/gu;
const openingLabel = /^\s*(?:[-*•]\s+|\(?\d{1,2}[.)]\s+)/u;

/**
 * Makes one statement of a model fit to print: no list marks or Markdown, no stray Chinese, Japanese or Korean where the topic
 * has none, no half sentence at its end, a capital at its start and a full stop at its end. Empty where nothing sound is left.
 */
export function cleanStatement(raw: string, topic: string): string {
  let text = raw
    .replaceAll(/\s+/gu, ' ')
    .replace(openingLabel, '')
    .replaceAll(/[*_`#]+/gu, '')
    .trim();
  if (text.search(otherScripts) >= 0 && topic.search(otherScripts) < 0) text = dropSentencesWith(text, otherScripts);
  text = dropHalfSentence(text);
  if (text === '') return '';
  const head = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…"')\]]$/u.test(head) ? head : `${head.replace(/[,;:–-]+$/u, '')}.`;
}

/** Splits into sentences; a full stop inside a number or an abbreviation does not end one. */
export function toSentences(text: string): string[] {
  return text.split(/(?<=[.!?])\s+(?=[\p{Lu}"'(])/u).filter((sentence) => sentence.trim() !== '');
}

function dropSentencesWith(text: string, pattern: RegExp): string {
  return toSentences(text)
    .filter((sentence) => sentence.search(pattern) < 0)
    .join(' ');
}

const dangling =
  /\s(?:a|an|and|as|at|because|but|by|for|from|in|is|of|on|or|such|than|that|the|their|this|to|which|while|with)\.?$/iu;

/** A last sentence that ends in a joining word was cut; it goes, and all of a text that is only that. */
function dropHalfSentence(text: string): string {
  const sentences = toSentences(text);
  const last = sentences.at(-1);
  if (last === undefined || !dangling.test(last)) return text;
  return sentences.slice(0, -1).join(' ');
}
