import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { BigboxError, type ErrorCode } from '../contracts/errors.ts';

export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Takes all output, appended. */
  readonly logPath: string;
  readonly failure: ErrorCode;
  readonly signal: AbortSignal;
}

const lastWords = 600;

/**
 * Runs a program to its end in a process group of its own, which is killed on abort.
 * Throws the named code when it cannot be run or fails, and the signal's reason when aborted.
 */
export async function runCommand(command: Command): Promise<void> {
  command.signal.throwIfAborted();
  const log = createWriteStream(command.logPath, { flags: 'a' });
  const child = spawn(command.program, command.arguments, {
    cwd: command.directory,
    env: command.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let tail = '';
  const keep = (chunk: Buffer): void => {
    log.write(chunk);
    tail = (tail + chunk.toString()).slice(-lastWords);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const stop = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  command.signal.addEventListener('abort', stop, { once: true });
  const ended = Promise.withResolvers<string | undefined>();
  child.once('error', (error) => ended.resolve(error.message));
  child.once('close', (code, signal) => ended.resolve(code === 0 ? undefined : `ended with ${signal ?? code}`));
  const problem = await ended.promise;
  command.signal.removeEventListener('abort', stop);
  log.end();
  await finished(log);
  command.signal.throwIfAborted();
  if (problem === undefined) return;
  throw new BigboxError(command.failure, {
    message: `${command.program} ${problem}: ${tail.trim().split('\n').slice(-3).join(' / ')}`,
    context: { program: command.program, log: command.logPath },
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Runs a short program and gives its output, or undefined where it cannot be run or fails. */
export async function readCommand(program: string, ...parameters: readonly string[]): Promise<string | undefined> {
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  child.once('error', () => resolve(undefined));
  child.once('close', (code) => resolve(code === 0 ? Buffer.concat(chunks).toString() : undefined));
  return await promise;
}
