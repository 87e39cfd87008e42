import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockDirectory } from './directory-lock.ts';

const module = new URL('directory-lock.ts', import.meta.url).pathname;

describe('lockDirectory()', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'bigbox-lock-'))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('refuses a second owner until the first lets go', () => {
    const unlock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
    unlock();
    lockDirectory(directory)();
  });

  test('is free again when its owner was killed', async () => {
    const program = `import { lockDirectory } from ${JSON.stringify(module)}; lockDirectory(process.argv[1]); console.log('held'); setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program, directory]);
    await once(owner.stdout, 'data');
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    lockDirectory(directory)();
  });
});
