import type { ProgramParts } from '../contracts/analysis.ts';
import { isBalanced } from './balance.ts';
import type { CodeBlock } from './code-blocks.ts';

/**
 * The program, where it can run and computes something; none otherwise. It comes line by line, which spares a small model the escapes
 * of line ends and the grammar unfinished strings.
 */
export function toCodeBlocks(parts: ProgramParts): CodeBlock[] {
  const code = [...parts.figures.map(toAssignment), parts.calculation, parts.print].join('\n').trim();
  const computes = (code.match(/\d+/gu)?.length ?? 0) >= 2 && /[\w)]\s*[-+*/]\s*[\w(]/u.test(code);
  const isComplete = /\bprint\s*\(/u.test(code) && isBalanced(code) && knowsItsNames(parts);
  return computes && isComplete && !cannotRun.test(code) ? [{ language: 'python', code }] : [];
}

/** Small models write units behind numbers ("months = 12 months", "share = 75%"); Python reads them as comments only. */
const toAssignment = (line: string): string => line.replace(/^(\s*\w+\s*=\s*\d[\d_.]*)\s*([%\p{L}].*)$/u, '$1  # $2');

/** Packages and input that the microVM lacks. */
const cannotRun = /\bimport\b(?!\s+(?:math|statistics)\b)|\b(?:open|input)\s*\(/u;

const builtIn = new Set(
  'abs float int len math max min print range round statistics str sum for in if else and or not f'.split(' '),
);

/** Whether calculation and print use names only that were assigned before: the commonest fault of small models. */
function knowsItsNames({ figures, calculation, print }: ProgramParts): boolean {
  const known = new Set(figures.flatMap((line) => /^\s*(\w+)\s*=/u.exec(line)?.[1] ?? []));
  const [, target, expression = calculation] = /^\s*(\w+)\s*=(.*)$/su.exec(calculation) ?? [];
  if (!namesOf(withoutStrings(expression)).every((name) => known.has(name) || builtIn.has(name))) return false;
  if (target !== undefined) known.add(target);
  const shown = [...print.matchAll(/\{([^{}:!]+)/gu)].map(([, inside = '']) => inside).join(' ');
  return namesOf(`${withoutStrings(print)} ${shown}`).every((name) => known.has(name) || builtIn.has(name));
}

const withoutStrings = (text: string): string => text.replaceAll(/"[^"]*"|'[^']*'/gu, ' ');

/** Names in an expression, without attributes and the names that a comprehension binds itself. */
function namesOf(expression: string): string[] {
  const bound = new Set([...expression.matchAll(/\bfor\s+(\w+)\s+in\b/gu)].map(([, name]) => name));
  return (expression.match(/(?<![\w.])[A-Za-z_]\w*/gu) ?? []).filter((name) => !bound.has(name));
}
