import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRunId, type RunId } from '../contracts/ids.ts';
import { openRecords, type Records } from './records.ts';
import type { NewRun } from './run-table.ts';

const id = createRunId();
const newRun = (runId: RunId, acceptedAt = 1): NewRun => ({
  id: runId,
  request: { prompt: 'Trees', perspectives: ['a'], domains: [], role: 'r', overall_role: 'o' },
  bodyHash: 'hash',
  client: 'owner',
  idempotencyKey: undefined,
  mayNameAddress: false,
  stepsTotal: 2,
  acceptedAt,
});

let directory: string;
let records: Records;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-records-'));
  records = await openRecords({ path: join(directory, 'records.sqlite') });
  await records.runs.write({ id, at: 1 }, (writer) => writer.insert(newRun(id)));
});
afterEach(async () => {
  await records.close();
  await rm(directory, { recursive: true });
});

const warn = (message: string, at = 2): Promise<void> =>
  records.runs.write({ id, at }, (writer) => writer.append({ type: 'warning', message }));

describe('write()', () => {
  test('numbers the events of concurrent writers without gap, in the order of the calls', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => warn(String(index))));
    const events = await records.runs.events({ runId: id, after: 0, limit: 100 });
    expect(events.map((event) => event.sequence)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(events.map((event) => (event.type === 'warning' ? event.message : ''))).toEqual(
      Array.from({ length: 50 }, (_, index) => String(index)),
    );
  });

  test('keeps nothing of a unit that fails, and everything of the others in its commit', async () => {
    const failing = records.runs.write({ id, at: 2 }, async (writer) => {
      await writer.append({ type: 'warning', message: 'lost' });
      throw new Error('no');
    });
    const outcomes = await Promise.allSettled([warn('before'), failing, warn('after')]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const events = await records.runs.events({ runId: id, after: 0, limit: 10 });
    expect(events.map((event) => (event.type === 'warning' ? event.message : ''))).toEqual(['before', 'after']);
  });

  test('takes no event behind run-finished, and keeps the first end', async () => {
    await records.runs.write({ id, at: 5 }, (writer) => writer.finish({ state: 'cancelled' }));
    await warn('late');
    await records.runs.write({ id, at: 6 }, (writer) => writer.finish({ state: 'completed' }));
    const events = await records.runs.events({ runId: id, after: 0, limit: 10 });
    expect(events.map((event) => event.type)).toEqual(['run-finished']);
    await expect(records.runs.find(id)).resolves.toMatchObject({ state: 'cancelled', finishedAt: 5 });
  });

  test('is still there after the file was opened anew', async () => {
    await warn('kept');
    await records.close();
    records = await openRecords({ path: join(directory, 'records.sqlite') });
    await expect(records.runs.events({ runId: id, after: 0, limit: 10 })).resolves.toMatchObject([{ message: 'kept' }]);
  });
});

describe('steps', () => {
  const start = (repeated: boolean): Promise<void> =>
    records.runs.write({ id, at: 3 }, (writer) =>
      writer.startStep({ path: 'p', agent: 'a', kind: 'model', inputHash: 'x', repeated }),
    );

  test('count attempts and repeats and keep their result', async () => {
    await start(false);
    await start(true);
    await records.runs.write({ id, at: 9 }, (writer) =>
      writer.settleStep(
        { path: 'p', durationMs: 4 },
        { state: 'completed', result: { text: 'yes' }, usage: { input: 1, output: 2 } },
      ),
    );
    await expect(records.runs.step(id, 'p')).resolves.toMatchObject({
      state: 'completed',
      attempts: 2,
      repeats: 1,
      result: { text: 'yes' },
      usage: { input: 1, output: 2 },
      durationMs: 4,
      finishedAt: 9,
    });
  });

  test('that still run are ended with the run, and a late result changes nothing', async () => {
    await start(false);
    const error = { status: 'error', code: 'RUN_CANCELLED', message: 'm', remedy: 'r', retry: 'never' } as const;
    await records.runs.write({ id, at: 5 }, (writer) =>
      writer.finish({ state: 'cancelled', error: { ...error, recoverable: false, context: {} } }),
    );
    await records.runs.write({ id, at: 6 }, (writer) =>
      writer.settleStep({ path: 'p', durationMs: 1 }, { state: 'completed', result: 1 }),
    );
    await expect(records.runs.step(id, 'p')).resolves.toMatchObject({ state: 'failed', finishedAt: 5 });
  });
});

describe('list()', () => {
  test('pages newest first, also over runs of the same millisecond', async () => {
    const ids = Array.from({ length: 5 }, () => createRunId());
    for (const runId of ids)
      await records.runs.write({ id: runId, at: 7 }, (writer) => writer.insert(newRun(runId, 7)));
    const first = await records.runs.list({ limit: 3, before: undefined });
    const second = await records.runs.list({ limit: 10, before: first.at(-1) });
    const all = [...first, ...second].map((run) => run.id);
    expect(all).toEqual([...ids.toSorted().toReversed(), id]);
  });
});

describe('watch()', () => {
  test('does not miss a commit between two calls', async () => {
    using watch = records.runs.watch(id);
    await warn('one');
    await watch.changed(AbortSignal.timeout(1000));
    await warn('two');
    await expect(watch.changed(AbortSignal.timeout(1000))).resolves.toBeUndefined();
  });
});
