import { describe, expect, test } from 'vitest';
import { AsyncQueue, Semaphore, abortable } from './async.ts';

describe('abortable()', () => {
  test('rejects with the reason as soon as the signal aborts', async () => {
    const controller = new AbortController();
    const waiting = abortable(new Promise(() => undefined), controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  test('gives the value of the promise otherwise', async () => {
    await expect(abortable(Promise.resolve(4), new AbortController().signal)).resolves.toBe(4);
  });
});

describe('Semaphore', () => {
  test('lets the next one in when a place is given back, in order', async () => {
    const semaphore = new Semaphore(1);
    const order: string[] = [];
    const release = await semaphore.acquire();
    const second = semaphore.acquire().then((free) => (order.push('second'), free));
    const third = semaphore.acquire().then((free) => (order.push('third'), free));

    release();
    (await second)();
    (await third)();

    expect(order).toEqual(['second', 'third']);
  });

  test('gives up the place in the queue when aborted', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    const controller = new AbortController();
    const waiting = semaphore.acquire(controller.signal);
    controller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    release();
    release();
    await expect(semaphore.acquire()).resolves.toBeTypeOf('function');
    expect(semaphore.waiting).toBe(0);
  });
});

describe('AsyncQueue', () => {
  test('yields what was pushed before and after the reader came, then ends', async () => {
    const queue = new AsyncQueue<number>();
    queue.push(1);
    const read = Array.fromAsync(queue);
    queue.push(2);
    queue.end();
    queue.push(3);
    await expect(read).resolves.toEqual([1, 2]);
  });

  test('throws what it failed with after the items', async () => {
    const queue = new AsyncQueue<number>();
    queue.fail(new Error('broken'));
    await expect(Array.fromAsync(queue)).rejects.toThrow('broken');
  });
});
