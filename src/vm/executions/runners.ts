import type { Language } from '../../contracts/execution.ts';

interface Runner {
  readonly program: readonly [string, ...string[]];
  readonly extension: string;
}

/** How a file of each language is run in the guest. Output is unbuffered, so that it can be watched. */
const runners: Readonly<Record<Language, Runner>> = {
  python: { program: ['python3', '-u'], extension: 'py' },
  javascript: { program: ['node'], extension: 'js' },
  bash: { program: ['bash'], extension: 'sh' },
};

const homeDirectory = '/home/sandbox';

/** The file that code is written to, and the command that runs it. */
export function toProgram(language: Language, executionId: string): { readonly path: string; readonly argv: string[] } {
  const { program, extension } = runners[language];
  const path = `${homeDirectory}/${executionId}.${extension}`;
  return { path, argv: [...program, path] };
}
