import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runSuite } from './run-suite.ts';
import type { Suite } from './suite.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-suite-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const check = (command: readonly [string, ...string[]], limitMs = 10_000): Suite => ({
  name: 'sample',
  proves: '',
  program: { kind: 'check', command },
  limitMs,
  cores: 1,
  needs: [],
});

const options = (signal = new AbortController().signal): Parameters<typeof runSuite>[1] => ({
  root: directory,
  directory,
  environment: process.env,
  signal,
});

describe('runSuite()', () => {
  test('counts a command that succeeds as one passed test and keeps its output', async () => {
    const run = await runSuite(check(['sh', '-c', 'echo out; echo err >&2']), options());
    expect(run.outcome).toMatchObject({ passed: 1, failed: 0 });
    expect((await readFile(run.outputFile, 'utf8')).split('\n').toSorted().join(' ').trim()).toBe('err out');
  });

  test('hands back what a failed command printed', async () => {
    const run = await runSuite(check(['sh', '-c', 'echo broken; exit 3']), options());
    expect(run.outcome.failures[0]?.message).toBe('broken\n');
  });

  test('stops a suite at its time limit', async () => {
    const run = await runSuite(check(['sh', '-c', 'echo hangs here; exec sleep 60'], 300), options());
    expect(run.outcome.failures.at(-1)?.message).toMatch(/stopped after.*\nhangs here$/);
  });

  test('finds and stops a process that left the process group', async () => {
    const run = await runSuite(check(['sh', '-c', 'setsid sleep 61 & sleep 0.2']), options());
    expect(run.leftovers).toEqual(['sleep 61']);
  });

  test('stops on abort and throws the reason', async () => {
    const controller = new AbortController();
    const run = runSuite(check(['sleep', '60']), options(controller.signal));
    controller.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
  });
});
