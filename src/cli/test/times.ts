import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../lib/files.ts';

const Times = z.record(z.string(), z.number());

const fileIn = (directory: string): string => join(directory, 'times.json');

/** Reads how long each suite took at its last green run, in milliseconds; empty before the first. */
export async function readTimes(directory: string): Promise<Readonly<Record<string, number>>> {
  const text = await readFile(fileIn(directory), 'utf8').catch(() => '{}');
  try {
    return Times.parse(JSON.parse(text));
  } catch {
    return {}; // A damaged list of times costs nothing but the times.
  }
}

/** Keeps the times of green suites beside those that are kept already. */
export async function keepTimes(directory: string, times: Readonly<Record<string, number>>): Promise<void> {
  const merged = { ...(await readTimes(directory)), ...times };
  await writeFileAtomically(fileIn(directory), `${JSON.stringify(merged, null, 2)}\n`);
}
