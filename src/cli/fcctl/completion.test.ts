import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { writeCompletion } from './completion.ts';
import { createFcctl } from './program.ts';

const run = promisify(execFile);

/** What a real bash offers when Tab is pressed behind these words. `fcctl` itself answers with two VMs. */
async function complete(...words: readonly string[]): Promise<readonly string[]> {
  const script = `fcctl() { printf 'ID NAME\\nvm-1a2b3c4d try\\nvm-5e6f7a8b other\\n'; }
${writeCompletion(createFcctl(), 'bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _fcctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-uc', script, 'bash', 'fcctl', ...words]);
  return stdout.trim().split('\n');
}

describe('writeCompletion() for bash', () => {
  test('offers commands, their commands and options', async () => {
    expect(await complete('')).toEqual(expect.arrayContaining(['vm', 'cp', 'snapshot', 'pool', 'completion']));
    expect(await complete('vm', 'sta')).toEqual(expect.arrayContaining(['stats']));
    expect(await complete('vm', 'fork', 'try', '--co')).toEqual(expect.arrayContaining(['--count', '--config']));
  });

  test('offers the VMs that there are where one is named', async () => {
    expect(await complete('vm', 'pause', 't')).toEqual(['try']);
    expect(await complete('vm', 'exec', 'vm-')).toEqual(['vm-1a2b3c4d', 'vm-5e6f7a8b']);
    expect(await complete('vm', 'create', 't')).toEqual(['']);
  });
});

test('writeCompletion() writes every command for every shell', () => {
  const program = createFcctl();
  for (const shell of ['zsh', 'fish'] as const)
    for (const command of program.commands) expect(writeCompletion(program, shell)).toContain(command.name());
});
