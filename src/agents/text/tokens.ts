const stopWords = new Set(
  (
    'a about above after again all also although an and any are as at be because been before being both but by can could did do does down each even for from ' +
    'further get had has have having he her here his how i if in into is it its itself just less like made make makes many may more most much must my need ' +
    'needs no nor not now of off often on once one only or other our out over own per same she should so some such than that the their them then there these ' +
    'they this those through to too under until up use used using very was we were what when where which while who why will with within without would you your'
  ).split(' '),
);

/** The words of a text that carry meaning, shortened to their stems, in order and with repeats. */
export function toTokens(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.filter((word) => word.length > 2 && !stopWords.has(word)).map(toStem);
}

/** A rough English stem: enough to see that "saves", "saving" and "saved" are one word. */
function toStem(written: string): string {
  const word = written.replace(/tre(s?)$/u, 'ter$1');
  const stem = word.replace(/(?:ations?|ements?|ments?|ingly|edly|ings?|ers?|ed|ies|es|s|ly|e)$/u, '');
  return stem.length >= 3 ? stem : word;
}

/** How much of the shorter text's meaning the other one carries too, from 0 to 1. */
export function overlap(left: readonly string[], right: readonly string[]): number {
  const [small, large] = new Set(left).size <= new Set(right).size ? [left, right] : [right, left];
  const smallSet = new Set(small);
  if (smallSet.size === 0) return 0;
  const largeSet = new Set(large);
  return [...smallSet].filter((token) => largeSet.has(token)).length / smallSet.size;
}

/** True where two statements say the same in nearly the same words. Words of the topic itself do not count. */
export function isNearDuplicate(left: string, right: string, topic = ''): boolean {
  const common = new Set(toTokens(topic));
  const leftTokens = toTokens(left).filter((token) => !common.has(token));
  const rightTokens = toTokens(right).filter((token) => !common.has(token));
  if (leftTokens.length === 0 || rightTokens.length === 0) return left.trim() === right.trim();
  const shorter = Math.min(new Set(leftTokens).size, new Set(rightTokens).size);
  return overlap(leftTokens, rightTokens) >= (shorter < 4 ? 0.99 : 0.55);
}
