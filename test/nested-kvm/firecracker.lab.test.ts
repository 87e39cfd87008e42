import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { loadTestImageFiles } from '../fixtures/vm-image.ts';

const run = promisify(execFile);

test('Firecracker and its jailer answer with the pinned version', async () => {
  for (const [program, name] of [
    ['firecracker', 'Firecracker'],
    ['jailer', 'Jailer'],
  ] as const) {
    const { stdout } = await run(program, ['--version']);
    expect(stdout).toContain(`${name} v1.12.1`);
  }
});

test('KVM runs the kernel of our image', async ({ signal }) => {
  const image = await loadTestImageFiles();
  const directory = await mkdtemp(join(tmpdir(), 'bigbox-boot-'));
  await writeFile(
    join(directory, 'machine.json'),
    JSON.stringify({
      'boot-source': {
        kernel_image_path: image.kernelPath,
        boot_args: 'console=ttyS0 reboot=k panic=1 8250.nr_uarts=1',
      },
      drives: [],
      'machine-config': { vcpu_count: 1, mem_size_mib: 128 },
    }),
  );
  const child = spawn('firecracker', ['--no-api', '--config-file', join(directory, 'machine.json')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  try {
    const ended = Promise.withResolvers<never>();
    child.once('error', ended.reject);
    let said = '';
    const greeted = Promise.withResolvers<void>();
    const read = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes('Linux version')) greeted.resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', () => ended.reject(new Error(`Firecracker ended early: ${said.slice(-2000)}`)));
    await Promise.race([greeted.promise, ended.promise]);
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
});
