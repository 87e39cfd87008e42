export { cleanStatement, isAboutTheTask, isFragment, shorten, toSentences } from './clean.ts';
export { isNearDuplicate, overlap, toTokens } from './tokens.ts';
