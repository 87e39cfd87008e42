import { BigboxError } from '../../contracts/errors.ts';
import { type Language, languages, toLanguage } from '../../contracts/execution.ts';

/** The seed's keys on what code may be run. */
export interface CodePolicy {
  readonly allowedLanguages: readonly Language[];
  /** In characters. */
  readonly maxCodeLength: number;
  /** Whether to look into the code at all; the language and the length are always checked. */
  readonly validateCode: boolean;
}

/**
 * Checks code before a VM is taken for it and gives its language. Only what cannot run is refused: a list of forbidden words would
 * refuse honest programs and stop no dishonest one, and the wall is the VM. Throws LANGUAGE_NOT_ALLOWED, CODE_TOO_LONG, CODE_INVALID.
 */
export function checkCode(policy: CodePolicy, languageName: string, code: string): Language {
  const language = toLanguage(languageName);
  if (language === undefined || !policy.allowedLanguages.includes(language)) throw notAllowed(policy, languageName);
  const { length } = code;
  if (length > policy.maxCodeLength)
    throw new BigboxError('CODE_TOO_LONG', {
      message: `The code has ${length} characters, at most ${policy.maxCodeLength} are run.`,
      context: { length, limit: policy.maxCodeLength },
    });
  if (policy.validateCode) validate(code);
  return language;
}

function validate(code: string): void {
  const position = code.indexOf('\0');
  if (position >= 0)
    throw new BigboxError('CODE_INVALID', {
      message: `The code has a NUL character at position ${position}, which no interpreter reads.`,
      context: { position },
    });
  if (code.trim() === '') throw new BigboxError('CODE_INVALID', { message: 'The code is only white space.' });
  if (!code.isWellFormed())
    throw new BigboxError('CODE_INVALID', { message: 'The code has half of a surrogate pair, which is no text.' });
}

function notAllowed(policy: CodePolicy, name: string): BigboxError {
  const known = toLanguage(name);
  const reason =
    known === undefined && !languages.includes(name as Language) ? 'is not known here' : 'is turned off here';
  return new BigboxError('LANGUAGE_NOT_ALLOWED', {
    message: `The language ${JSON.stringify(name.slice(0, 40))} ${reason}; allowed are ${policy.allowedLanguages.join(', ')}.`,
    context: { language: name.slice(0, 40), allowed: policy.allowedLanguages },
  });
}
