import { z } from 'zod';
import { type Configuration, namesThisMachine } from '../../config/index.ts';

const Version = z.object({ version: z.string() });

/**
 * Whether the built-in model service is to serve: no address is configured, or one of this machine, and no Ollama answers there.
 * Ask before the service runs: its own answer would count.
 */
export async function needsModelService({ model, modelPort }: Configuration): Promise<boolean> {
  if (model.provider !== 'ollama') return false;
  if (model.baseUrl !== undefined && !namesThisMachine(model.baseUrl)) return false;
  return !(await answersAsOllama(model.baseUrl ?? `http://127.0.0.1:${modelPort}`));
}

async function answersAsOllama(baseUrl: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/api/version', baseUrl), { signal: AbortSignal.timeout(2000) });
    return Version.safeParse(await response.json()).success;
  } catch {
    return false; // Nobody there, or somebody who is no Ollama.
  }
}
