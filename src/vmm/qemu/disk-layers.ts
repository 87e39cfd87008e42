import { z } from 'zod';
import { toNodeName } from './command-line.ts';
import type { QmpClient } from './qmp.ts';

/**
 * Puts an empty layer, a file in the directory of a standing machine, on the one that it wrote until now, which nobody writes any
 * more. Stopping has written the caches of that one to its file. Throws a plain error; nothing has changed then.
 */
export async function stackLayer(control: QmpClient, frozen: string, next: string): Promise<void> {
  const noFlush = { 'no-flush': true };
  const node = toNodeName(next);
  await control.execute('blockdev-add', {
    driver: 'qcow2',
    'node-name': node,
    backing: toNodeName(frozen),
    discard: 'unmap',
    cache: noFlush,
    file: { driver: 'file', filename: next, locking: 'off', cache: noFlush },
  });
  try {
    await control.execute('blockdev-reopen', { options: [{ driver: 'raw', 'node-name': 'top', file: node }] });
  } catch (error) {
    await control.execute('blockdev-del', { 'node-name': node }).catch(() => undefined);
    throw error;
  }
}

/** Whether the machine writes this layer. One that was added and never stacked is taken away. Throws a plain error. */
export async function isStacked(control: QmpClient, layer: string): Promise<boolean> {
  const node = toNodeName(layer);
  const nodes = NodeList.parse(await control.execute('query-named-block-nodes', { flat: true }));
  if (!nodes.some((known) => known['node-name'] === node)) return false;
  try {
    await control.execute('blockdev-del', { 'node-name': node });
    return false;
  } catch {
    // It is in use.
    return true;
  }
}

const NodeList = z.array(z.object({ 'node-name': z.string() }));
