import { type LlamaModel, type Token, TokenBias } from 'node-llama-cpp';

/** Chinese, Japanese and Korean writing, with its punctuation and wide forms. */
const eastAsian = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]/;

/** Whether a text is, in part, in East Asian writing. */
export const hasEastAsianText = (text: string): boolean => eastAsian.test(text);

/**
 * Makes a bias that keeps East Asian tokens out of an answer: small multilingual models drop single Chinese words into English
 * text. Computed once for a model, used for prompts that have none of that writing. Undefined when the vocabulary has none.
 */
export function banEastAsianTokens(model: LlamaModel): TokenBias | undefined {
  const banned: Token[] = [];
  for (const token of model.iterateAllTokens()) {
    if (!model.isSpecialToken(token) && hasEastAsianText(model.detokenize([token]))) banned.push(token);
  }
  return banned.length === 0 ? undefined : TokenBias.for(model).set(banned, 'never');
}
