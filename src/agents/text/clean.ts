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
  return text.split(/(?<=[.!?])\s+(?=[\p{Lu}\p{Lo}"'(])/u).filter((sentence) => sentence.trim() !== '');
}

function dropSentencesWith(text: string, pattern: RegExp): string {
  return toSentences(text)
    .filter((sentence) => sentence.search(pattern) < 0)
    .join(' ');
}

const dangling =
  /\s(?:a|an|and|as|at|because|but|by|for|from|in|is|of|on|or|such|than|that|the|their|this|to|which|while|with)\.?$/iu;
const isWhole = (text: string): boolean => /[.!?…]["')\]]*$/u.test(text) && !dangling.test(text);
/** What may end where a further clause began. */
const laterClause =
  /,\s(?:and\s(?:he|it|she|the|they|this|we)|as|but|leading|making|so|such|thereby|which|while|who|although|because)\b.*$/iu;

/**
 * Takes a text that was cut back to what is whole: its last sentence goes; of a single one, its last clause. Short texts without
 * a full stop are headlines, not cut.
 */
function dropHalfSentence(text: string): string {
  const sentences = toSentences(text);
  const last = sentences.at(-1) ?? '';
  const isCut = dangling.test(last) || (!isWhole(last) && text.length > shortestCut);
  if (!isCut) return text;
  if (sentences.length > 1) return sentences.slice(0, -1).join(' ');
  const main = last.replace(laterClause, '');
  return main !== last && main.split(' ').length >= 6 && !dangling.test(main) ? main : '';
}

/** The grammars of this module end texts later than this. */
const shortestCut = 130;

/** Keeps the first sentence, and those after it while the whole stays within the number of words. */
export function shorten(text: string, maxWords: number): string {
  const [first = '', ...others] = toSentences(text);
  let kept = first;
  for (const sentence of others) {
    const longer = `${kept} ${sentence}`;
    if (longer.split(' ').length > maxWords) break;
    kept = longer;
  }
  return kept;
}

const finiteVerb =
  /\b(?:is|are|was|were|be|can|could|will|would|may|might|must|should|shall|has|have|had|do|does|did|cannot|n't|needs?|costs?|takes?|makes?|gives?|loses?|gains?|pays?|leads?|means?|shows?|helps?|knows?)\b/iu;

/** "A new office, a fast line, and a team." */
const thingsInARow = /^(?:an?|the)\b[^,.]*,\s(?:an?|the)\b/iu;

/** True for English that is a headline or a list of things: short or led by a participle, and without a verb that states something. */
export function isFragment(text: string): boolean {
  if (finiteVerb.test(text)) return false;
  return text.split(' ').length < 8 || /^\w+ing\b/u.test(text) || thingsInARow.test(text);
}

const aboutTheTask =
  /^(?:the|this|my|your) (?:topic|summary|question|statement|point|task|program|calculation|figure|json|answer)\b|\bexample figures for the topic\b|\b(?:interesting|important) topic\b/iu;

/** True where a text speaks of the answer that was asked for and not of the matter. */
export const isAboutTheTask = (text: string): boolean => aboutTheTask.test(text);
