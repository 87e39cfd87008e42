import { BigboxError, type ErrorCode, toBigboxError } from '../../contracts/errors.ts';

/** How a command ends: 0 done, 1 failed, 2 wrong usage, 3 not reachable, 130 interrupted. */
export const exitCodes = { done: 0, failed: 1, wrongUsage: 2, notReachable: 3, interrupted: 130 } as const;

const notReachable: readonly ErrorCode[] = [
  'SERVICE_NOT_RUNNING',
  'MODEL_UNREACHABLE',
  'ENGINE_UNAVAILABLE',
  'VM_UNAVAILABLE',
  'SHUTTING_DOWN',
];

/** Finds the exit code that an error ends a command with. */
export function exitCodeOf(thrown: unknown): number {
  if (isInterruption(thrown)) return exitCodes.interrupted;
  if (!(thrown instanceof BigboxError)) return exitCodes.failed;
  if (thrown.code === 'WRONG_USAGE') return exitCodes.wrongUsage;
  return notReachable.includes(thrown.code) ? exitCodes.notReachable : exitCodes.failed;
}

/** Thrown where Ctrl-C or SIGTERM ended the work of a command. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor() {
    super('Interrupted');
  }
}

const isInterruption = (thrown: unknown): boolean => thrown instanceof Interrupted;

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Writes an error for a person: what failed, why, what to do, the code last. The stack only with `--debug`. */
export function formatError(thrown: unknown, options: { readonly debug: boolean }): string {
  if (isInterruption(thrown)) return 'Interrupted.\n';
  const error = toBigboxError(thrown);
  const isBug = error !== thrown;
  const what = isBug ? `A fault in Bigbox itself: ${String((thrown as Error)?.message ?? thrown)}` : error.message;
  const remedy = isBug ? 'Run it again with --debug and report what it prints.' : error.remedy;
  const stack = options.debug && thrown instanceof Error ? `${stackOf(thrown)}\n` : '';
  return `error: ${sentence(what)} ${sentence(remedy)}\n  (${error.code})\n${stack}`;
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
