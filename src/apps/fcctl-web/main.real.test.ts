import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findMachineProcesses } from '../../../test/fixtures/machine-processes.ts';
import { loadTestImage } from '../../../test/fixtures/vm-image.ts';
import { nodeFlags } from '../../lib/node-flags.ts';

const main = join(import.meta.dirname, 'main.ts');
const serviceKey = 'the-key-of-the-restart-test';
let dataDir: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  await loadTestImage();
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-fcctl-'));
  await mkdir(join(dataDir, 'secrets'));
  await writeFile(join(dataDir, 'secrets', 'service.key'), `${serviceKey}\n`);
});
afterEach(async () => {
  if (running !== undefined && running.exitCode === null && running.signalCode === null) {
    running.kill('SIGTERM');
    await once(running, 'exit');
  }
  await rm(dataDir, { recursive: true, force: true });
});

/** Starts the program and gives its address. */
async function start(): Promise<string> {
  const environment = { ...process.env, BIGBOX_DATA_DIR: dataDir };
  running = spawn(process.execPath, [...nodeFlags, main, '--host', '127.0.0.1', '--port', '0'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: running.stdout ?? process.stdin });
  for await (const line of lines) {
    const { msg, url } = JSON.parse(line) as { msg: string; url?: string };
    if (msg === 'listening' && url !== undefined) {
      running.stdout?.resume();
      return url;
    }
  }
  throw new Error('The VM service ended without listening.');
}

async function execute(url: string, code: string): Promise<{ stdout: string }> {
  const response = await fetch(`${url}/api/llm/execute`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ language: 'bash', code }),
  });
  return (await response.json()) as { stdout: string };
}

describe('fcctl-web', () => {
  test('cleans up after itself when it was killed, and leaves nothing when it is stopped', async () => {
    expect((await execute(await start(), 'echo one')).stdout).toBe('one\n');
    running?.kill('SIGKILL');
    if (running !== undefined) await once(running, 'exit');
    const orphans = await findMachineProcesses(dataDir);
    expect(orphans.length).toBeGreaterThan(0);
    expect((await execute(await start(), 'echo two')).stdout).toBe('two\n');
    expect((await findMachineProcesses(dataDir)).filter((pid) => orphans.includes(pid))).toEqual([]);
    running?.kill('SIGTERM');
    if (running !== undefined) expect((await once(running, 'exit'))[0]).toBe(0);
    expect(await findMachineProcesses(dataDir)).toEqual([]);
    expect(await readdir(join(dataDir, 'vms', 'run'))).toEqual([]);
  });
});
