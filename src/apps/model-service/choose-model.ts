import { freemem, totalmem } from 'node:os';
import { chooseDefaultModel, findModel, listModels } from '../../llm/store/index.ts';

/**
 * Chooses the model that the service loads: the one of the configuration when the catalogue has it, else the machine's default,
 * or the largest that is on this machine already when that default is not.
 */
export async function chooseModel(configured: string | undefined, cacheDir: string): Promise<string> {
  const known = configured === undefined ? undefined : findModel(configured);
  if (known !== undefined) return known.name;
  const best = chooseDefaultModel({ totalMemoryBytes: totalmem(), freeMemoryBytes: freemem() });
  const installed = (await listModels(cacheDir)).filter((listed) => listed.installed);
  if (installed.some((listed) => listed.model.name === best.name)) return best.name;
  const other = installed.find(
    ({ model }) => model.role === 'default' && model.freeMemoryBytes <= Math.max(best.freeMemoryBytes, freemem()),
  );
  return other?.model.name ?? best.name;
}
