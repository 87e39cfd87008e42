import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../../lib/files.ts';
import { ThreadSpeed } from '../../llm/embedded/index.ts';

const CalibrationFile = z.record(z.string(), z.array(ThreadSpeed).min(1));

/** Remembers, in the data folder, how fast each model is on this processor with each number of threads. */
export class CalibrationMemory {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'model', 'calibration.json');
  }

  /** The speeds of a model on this machine, if they were measured. A damaged file counts as none. */
  async recall(sha256: string, cores: number): Promise<readonly ThreadSpeed[] | undefined> {
    return (await this.#read())[keyOf(sha256, cores)];
  }

  async remember(sha256: string, cores: number, speeds: readonly ThreadSpeed[]): Promise<void> {
    const known = await this.#read();
    await writeFileAtomically(this.#path, `${JSON.stringify({ ...known, [keyOf(sha256, cores)]: speeds }, null, 2)}\n`);
  }

  async #read(): Promise<z.infer<typeof CalibrationFile>> {
    const text = await readFile(this.#path, 'utf8').catch(() => '{}');
    try {
      return CalibrationFile.parse(JSON.parse(text));
    } catch {
      // It is measured again.
      return {};
    }
  }
}

const keyOf = (sha256: string, cores: number): string =>
  `${sha256.slice(0, 16)} ${cpus()[0]?.model.trim() ?? 'unknown'} ${cores}`;
