import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

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
