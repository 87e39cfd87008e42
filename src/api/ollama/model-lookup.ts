import type { InstalledModel, ModelServer } from './model-server.ts';
import { WireError } from './wire-error.ts';

const wellFormed = /^[\w.\-/]+(:[\w.-]+)?$/;

/** Finds an installed model. Throws a WireError: 400 for a name that can be none, 404 for one that is not there. */
export async function requireModel(server: ModelServer, name: string): Promise<InstalledModel> {
  if (name !== '' && !wellFormed.test(name)) throw new WireError(400, 'invalid model name');
  const found = name === '' ? undefined : await server.find(name);
  if (found === undefined) throw new WireError(404, `model '${name}' not found`);
  return found;
}

/** Whether a `keep_alive` says that the model's memory shall be freed at once. */
export const keepsNothing = (keepAlive: number | string | undefined): boolean =>
  keepAlive === 0 || (typeof keepAlive === 'string' && /^0+(ns|us|ms|s|m|h)?$/.test(keepAlive));
