import { formatDuration, formatLine } from '../output/format.ts';
import type { SuiteRun } from './run-suite.ts';

/** Writes the line of an ended suite: name, state, time, counts. */
export function describeRun({ suite, outcome, durationMs, leftovers }: SuiteRun): string {
  const { passed, failed, skipped } = outcome;
  const counts = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(', ');
  const left = leftovers.length > 0 ? `left running and stopped: ${leftovers.map(cut).join('; ')}` : '';
  return formatLine(suite.name, failed > 0 ? 'failed' : 'passed', formatDuration(durationMs), counts, left);
}

const cut = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');

/** Writes what the failed tests of a suite said, and where all its output is. */
export function describeFailure({ outcome, outputFile }: SuiteRun): string {
  const failures = outcome.failures.map(({ name, message }) => `    failed: ${name}\n${indent(message)}\n`);
  return `${failures.join('')}    all output: ${outputFile}\n`;
}

/** Names the skipped tests of a suite, with the reason where the runner hands it on. */
export function describeSkips({ outcome }: SuiteRun): string {
  return outcome.skips
    .map(({ name, message }) => `    skipped: ${name}${message === '' ? '' : ` (${message})`}\n`)
    .join('');
}
