import { createInterface } from 'node:readline/promises';

/** Asks a person on the terminal; an empty answer means yes. Throws the signal's reason when aborted. */
export async function ask(question: string, signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^(y|yes|)$/i.test((await lines.question(`${question} [Y/n] `, { signal })).trim());
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
