import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ProgramOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly directory?: string;
  /** Called with every line of either stream. */
  readonly onLine?: (line: string) => void;
}

export interface ProgramEnd {
  readonly exitCode: number | null;
  /** Everything that it printed, both streams, cut to the last 64 KiB. */
  readonly output: string;
}

const keptOutput = 65_536;

/** Runs a program to its end. Throws the signal's reason when aborted, and what the system says when it cannot be started. */
export async function runProgram(
  command: readonly [file: string, ...args: string[]],
  options: ProgramOptions,
): Promise<ProgramEnd> {
  const [file, ...args] = command;
  options.signal.throwIfAborted();
  const child = spawn(file, args, {
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
  });
  let output = '';
  const read = (line: string): void => {
    output = `${output}${line}\n`.slice(-keptOutput);
    options.onLine?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
  // SIGTERM only: a package manager that is killed leaves packages half configured.
  const stop = (): void => void child.kill('SIGTERM');
  options.signal.addEventListener('abort', stop, { once: true });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  try {
    const exitCode = await promise;
    options.signal.throwIfAborted();
    return { exitCode, output };
  } finally {
    options.signal.removeEventListener('abort', stop);
  }
}
