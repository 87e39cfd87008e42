import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';
import { writeFileAtomically } from '../../lib/files.ts';
import { nodeFlags } from '../../lib/node-flags.ts';
import { type ProgramOptions, runProgram } from './run-program.ts';

const inputs = ['web', 'src/contracts'];

async function hashInputs(root: string): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of inputs) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.toSorted()) hash.update(`\0${file.slice(root.length)}\0`).update(await readFile(file));
  }
  return hash.update(await readFile(join(root, 'package-lock.json'))).digest('hex');
}

/**
 * Builds the pages into dist/web where their sources changed since. Answers whether it had to. Throws SETUP_STEP_FAILED with the
 * builder's last words.
 */
export async function ensureWebPages(
  root: string,
  options: ProgramOptions & { readonly onStart: () => void },
): Promise<boolean> {
  const stamp = join(root, 'dist', 'web', '.inputs');
  const hash = await hashInputs(root);
  if ((await readFile(stamp, 'utf8').catch(() => '')) === hash) return false;
  options.onStart();
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const end = await runProgram([process.execPath, ...nodeFlags, vite, 'build', 'web', '--logLevel', 'warn'], {
    ...options,
    directory: root,
  });
  if (end.exitCode !== 0)
    throw new BigboxError('SETUP_STEP_FAILED', {
      message: `The pages could not be built: ${end.output.trim().split('\n').slice(-3).join(' ')}`,
      remedy: 'Run npm run build to see the whole output.',
    });
  await writeFileAtomically(stamp, hash, 0o644);
  return true;
}
