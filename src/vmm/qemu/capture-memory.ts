import { setImmediate as breathe } from 'node:timers/promises';
import { descriptors } from './command-line.ts';
import type { PageBuffers } from './page-buffers.ts';
import { pageBytes } from './page-map.ts';
import type { PageBatch, PageWriter } from './page-writer.ts';
import { type PageRange, PrivateMemory } from './private-pages.ts';

export const pagesPerBatch = 512;
/** More than this is written while the guest still stands. */
export const maxBatchesHeld = 64;
const lanes = 2;

/**
 * Copies the pages that a standing guest has changed since its template. The writer gets them in order: those that do not fit into
 * memory at once, the others from the caller when the guest runs again.
 */
export async function captureMemory(
  pid: number,
  writer: PageWriter,
  buffers: PageBuffers,
): Promise<readonly PageBatch[]> {
  const memory = await PrivateMemory.open(pid, descriptors.memory, 'r');
  try {
    const batches = [...toBatches(await memory.changed())];
    const inPause = Math.max(0, batches.length - maxBatchesHeld);
    for (const ranges of batches.splice(0, inPause)) {
      const batch = await readBatch(memory, ranges, buffers);
      await writer.append(batch);
      buffers.give(batch.content);
    }
    const held: PageBatch[] = [];
    const waiting = batches.entries();
    const work = Array.from({ length: lanes }, async () => {
      for (const [index, ranges] of waiting) {
        held[index] = await readBatch(memory, ranges, buffers);
        await breathe();
      }
    });
    await Promise.all(work);
    return held;
  } finally {
    await memory.close();
  }
}

async function readBatch(
  memory: PrivateMemory,
  ranges: readonly PageRange[],
  buffers: PageBuffers,
): Promise<PageBatch> {
  const buffer = buffers.take();
  let at = 0;
  for (const { page, count } of ranges) {
    await memory.read(buffer.subarray(at, at + count * pageBytes), page);
    at += count * pageBytes;
  }
  return { ranges, content: buffer.subarray(0, at) };
}

/** Cuts runs of pages into batches of so many pages. */
export function* toBatches(ranges: readonly PageRange[], limit = pagesPerBatch): Generator<readonly PageRange[]> {
  let batch: PageRange[] = [];
  let room = limit;
  for (const { page, count } of ranges)
    for (let done = 0; done < count;) {
      const part = Math.min(room, count - done);
      batch.push({ page: page + done, count: part });
      done += part;
      room -= part;
      if (room > 0) continue;
      yield batch;
      batch = [];
      room = limit;
    }
  if (batch.length > 0) yield batch;
}
