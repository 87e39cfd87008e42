import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { tryLock } from './lock.ts';
import { identifyProcess, isRunning } from '../../lib/process-identity.ts';
import type { ServiceDefinition } from './service.ts';
import { readLiveState, readState, writeState } from './state.ts';
import { type Supervisor, type SupervisorOptions, startSupervisor } from './supervisor.ts';
import { trimLog } from './trim-log.ts';

let directory = '';
let supervisor: Supervisor | undefined;
let extra: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-supervisor-'));
});
afterEach(async () => {
  await supervisor?.stop();
  supervisor = undefined;
  extra?.kill('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

const service = (name: string, script: string): ServiceDefinition => ({
  name,
  file: 'sh',
  args: ['-c', script],
  environment: process.env,
  logFile: join(directory, 'logs', `${name}.log`),
});

const options = (services: readonly ServiceDefinition[]): SupervisorOptions => ({
  dataDir: directory,
  fingerprint: 'f',
  url: 'http://127.0.0.1:1',
  vmUrl: 'http://127.0.0.1:2',
  modelUrl: 'http://127.0.0.1:3',
  services,
  clock: systemClock,
  logger: silentLogger,
  firstPauseMs: 10,
  graceMs: 500,
});

const forever = 'while :; do sleep 0.05; done';

/** Reads a file when something makes it hold what is expected. */
const eventually = (check: () => Promise<void> | void): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 10 });

describe('startSupervisor()', () => {
  test('starts every service, writes their logs, and records who they are', async () => {
    supervisor = await startSupervisor(options([service('a', `echo started; ${forever}`), service('b', forever)]));
    await eventually(async () => expect(await readFile(join(directory, 'logs', 'a.log'), 'utf8')).toBe('started\n'));
    await eventually(async () => {
      const state = await readLiveState(directory);
      expect(state?.services.map(({ name, state: is }) => `${name} ${is}`)).toEqual(['a running', 'b running']);
    });
  });

  test('starts a service again after kill -9, with the other one untouched', async () => {
    supervisor = await startSupervisor(options([service('a', forever), service('b', forever)]));
    const [a, b] = supervisor.services;
    await eventually(() => expect(a?.process).toBeDefined());
    const [killed, other] = [a!.process!, b!.process];
    process.kill(killed.pid, 'SIGKILL');
    await eventually(() => {
      expect(a?.restarts).toBe(1);
      expect(a?.state).toBe('running');
    });
    expect(a?.process?.pid).not.toBe(killed.pid);
    expect(b?.process).toEqual(other);
  });

  test('goes on trying a service that cannot start, with longer pauses', async () => {
    const pauses: number[] = [];
    const clock = {
      ...systemClock,
      sleep: (ms: number, signal?: AbortSignal) => {
        if (ms < 500) pauses.push(ms);
        return systemClock.sleep(ms < 500 ? 1 : ms, signal);
      },
    };
    supervisor = await startSupervisor({ ...options([{ ...service('a', ''), file: '/does/not/exist' }]), clock });
    await eventually(() => expect(pauses.length).toBeGreaterThan(3));
    expect(pauses.slice(0, 4)).toEqual([10, 20, 40, 80]);
  });

  test('stops in reverse order, also a service that ignores SIGTERM, and what it started', async () => {
    const trap = `trap 'echo last >> ${directory}/order' TERM; sleep 62 & echo $! > ${directory}/grandchild; while :; do sleep 0.05; done`;
    const first = `trap 'echo first >> ${directory}/order; exit 0' TERM; echo up > ${directory}/first; ${forever}`;
    supervisor = await startSupervisor(options([service('a', trap), service('b', first)]));
    await eventually(() =>
      expect(existsSync(join(directory, 'grandchild')) && existsSync(join(directory, 'first'))).toBe(true),
    );
    await supervisor.stop();
    expect(await readFile(join(directory, 'order'), 'utf8')).toBe('first\nlast\n');
    const grandchild = Number(await readFile(join(directory, 'grandchild'), 'utf8'));
    await eventually(() => expect(identifyProcess(grandchild)).toBeUndefined());
  });

  test('clears away what a killed supervisor left, and only that', async () => {
    extra = spawn('sleep', ['63'], { detached: true, stdio: 'ignore' });
    const left = identifyProcess(extra.pid!)!;
    const own = identifyProcess(process.pid)!;
    const recorded = { state: 'running' as const, restarts: 0, log: '' };
    await writeState(directory, {
      supervisor: { pid: 4_000_000, startTime: '1' },
      fingerprint: '',
      url: '',
      vmUrl: '',
      modelUrl: '',
      services: [
        { ...recorded, name: 'left', process: left },
        // The id was given to another process since: this one.
        { ...recorded, name: 'reused', process: { pid: own.pid, startTime: '1' } },
      ],
    });
    expect(await readLiveState(directory)).toBeUndefined();
    supervisor = await startSupervisor(options([]));
    expect(isRunning(left)).toBe(false);
    expect((await readState(directory))?.services).toEqual([]);
  });
});

describe('tryLock()', () => {
  test('is held by one at a time and free again after its release', () => {
    const file = join(directory, 'run', 'lock');
    const first = tryLock(file);
    expect(tryLock(file)).toBeUndefined();
    first?.release();
    const second = tryLock(file);
    expect(second).toBeDefined();
    second?.release();
  });
});

describe('trimLog()', () => {
  test('keeps one earlier part and lets the writer go on', async () => {
    const file = join(directory, 'a.log');
    await appendFile(file, 'x'.repeat(100));
    await trimLog(file, 200);
    expect((await stat(file)).size).toBe(100);
    await trimLog(file, 50);
    await appendFile(file, 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    expect((await stat(`${file}.1`)).size).toBe(100);
  });
});
