import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Environment } from '../../config/index.ts';
import { BigboxError } from '../../contracts/errors.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { nodeFlags } from '../../lib/node-flags.ts';
import { logFileOf } from './log-file.ts';
import { isRunning, signalGroup } from '../../lib/process-identity.ts';
import { type SupervisorState, readLiveState, readState } from './state.ts';
import { stopLeftovers } from './supervisor.ts';

export interface LaunchOptions {
  readonly dataDir: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/**
 * Starts the supervisor as a process of its own that outlives this one, and resolves when it has started the services.
 * Throws SETUP_STEP_FAILED with its last words when it ends at once.
 */
export async function launchSupervisor(options: LaunchOptions): Promise<SupervisorState> {
  const { clock = systemClock, signal, dataDir } = options;
  const logFile = logFileOf(dataDir, 'supervisor');
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
  const log = openSync(logFile, 'a', 0o600);
  const before = statSync(logFile).size;
  const child = spawn(process.execPath, [...nodeFlags, join(import.meta.dirname, 'main.ts')], {
    cwd: '/',
    env: options.environment,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = Promise.withResolvers<void>();
  let isOver = false;
  child.once('error', ended.reject);
  child.once('exit', () => {
    isOver = true;
  });
  child.unref();
  ended.promise.catch(() => {
    isOver = true;
  });
  for (;;) {
    const state = await readLiveState(dataDir);
    if (state !== undefined && state.supervisor.pid === child.pid) return state;
    if (isOver) throw startFailed(logFile, before);
    await clock.sleep(30, signal);
  }
}

function startFailed(logFile: string, before: number): BigboxError {
  const words = readFileSync(logFile).subarray(before).toString().trim().split('\n').slice(-5).join(' ');
  return new BigboxError('SETUP_STEP_FAILED', {
    message: `The services cannot be started: ${words || 'their supervisor ended without a word'}`,
    context: { log: logFile },
    remedy: `Its log is ${logFile}.`,
  });
}

/**
 * Stops the supervisor of an instance with all its services, also what a killed supervisor left, and resolves when all are gone.
 * Answers with the names of what was stopped.
 */
export async function stopAll(dataDir: string, clock: Clock = systemClock): Promise<readonly string[]> {
  const state = await readState(dataDir);
  if (state === undefined) return [];
  const running = state.services.filter(({ process: service }) => service !== undefined && isRunning(service));
  if (isRunning(state.supervisor)) {
    process.kill(state.supervisor.pid, 'SIGTERM');
    const deadline = clock.monotonic() + 30_000;
    while (isRunning(state.supervisor) && clock.monotonic() < deadline) await clock.sleep(50);
    if (isRunning(state.supervisor)) signalGroup(state.supervisor.pid, 'SIGKILL');
  }
  await stopLeftovers({ dataDir, clock, logger: silentLogger });
  return running.map(({ name }) => name);
}
