import { z } from 'zod';
import { type Configuration, namesThisMachine } from '../../config/index.ts';
import { instanceOf } from '../../lib/instance.ts';

/** Ollama's answer; a Bigbox names itself in it too. */
const Version = z.object({ version: z.string(), bigbox: z.object({ instance: z.string() }).optional() });
type Version = z.infer<typeof Version>;

/**
 * Whether the built-in model service is to serve: no address is configured, or one of this machine, and no Ollama answers there.
 * The model service of another Bigbox counts as an Ollama only where its address is configured.
 */
export async function needsModelService({ model, modelPort, dataDir }: Configuration): Promise<boolean> {
  if (model.provider !== 'ollama') return false;
  if (model.baseUrl !== undefined && !namesThisMachine(model.baseUrl)) return false;
  const found = await askVersion(model.baseUrl ?? `http://127.0.0.1:${modelPort}`);
  if (found === undefined) return true;
  if (found.bigbox === undefined) return false;
  return found.bigbox.instance === instanceOf(dataDir) || model.baseUrl === undefined;
}

async function askVersion(baseUrl: string): Promise<Version | undefined> {
  try {
    const response = await fetch(new URL('/api/version', baseUrl), { signal: AbortSignal.timeout(2000) });
    return Version.safeParse(await response.json()).data;
  } catch {
    return undefined; // Nobody there, or somebody who is no Ollama.
  }
}
