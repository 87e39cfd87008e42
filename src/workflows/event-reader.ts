import type { RunId } from '../contracts/ids.ts';
import type { RunEvent } from '../contracts/runs.ts';
import type { RunRecords, Watch } from '../store/index.ts';

/** Events are read in pages of this size, so a slow reader holds no more than one page in memory. */
const pageSize = 200;

/** Waits for the next commit; false when the signal aborted. */
async function changed(watch: Watch, signal: AbortSignal): Promise<boolean> {
  await watch.changed(signal).catch(() => undefined);
  return !signal.aborted;
}

/** Follows one run from after a sequence number until its last event or until the signal aborts. */
export async function* followRun(
  records: RunRecords,
  run: { readonly id: RunId; readonly after: number },
  signal: AbortSignal,
): AsyncGenerator<RunEvent, void> {
  using watch = records.watch(run.id);
  let { after } = run;
  while (!signal.aborted) {
    const page = await records.events({ runId: run.id, after, limit: pageSize });
    for (const event of page) {
      yield event;
      if (signal.aborted || event.type === 'run-finished') return;
      after = event.sequence;
    }
    if (page.length === pageSize) continue;
    if (page.length === 0 && (await isOver(records, run.id, after))) return;
    if (!(await changed(watch, signal))) return;
  }
}

/** True when the reader asked for events behind the last one that there will be. */
async function isOver(records: RunRecords, id: RunId, after: number): Promise<boolean> {
  const run = await records.find(id);
  if (run?.finishedAt === undefined) return false;
  return after >= (await records.lastSequence(id));
}

/** Follows all runs from now on until the signal aborts. */
export async function* followAll(records: RunRecords, signal: AbortSignal): AsyncGenerator<RunEvent, void> {
  using watch = records.watch();
  let after = await records.lastPosition();
  while (!signal.aborted) {
    const page = await records.allEvents({ after, limit: pageSize });
    for (const { position, event } of page) {
      yield event;
      if (signal.aborted) return;
      after = position;
    }
    if (page.length < pageSize && !(await changed(watch, signal))) return;
  }
}
