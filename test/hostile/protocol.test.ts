import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BigboxError } from '../../src/contracts/errors.ts';
import { type Agent, type Client, connectGuest, type GuestConnection } from '../../src/guest/index.ts';
import { abortable } from '../../src/lib/async.ts';
import { afterGreeting, FakeGuest, type Script } from './support/fake-guest.ts';
import { frameTypes, settings, toBytes, toFields } from './support/frames.ts';
import { afterRequest, makeInput } from './support/hostile-input.ts';
import { isLong } from './support/is-long.ts';
import { Random } from './support/random.ts';
import { usedBytes } from './support/used-bytes.ts';

const inputs = isLong ? 100_000 : 2000;
const lanes = isLong ? 64 : 16;
const greetingMs = 150;
const callMs = 100;
/** Far beyond every deadline, for a machine that does other things too: what passes it hangs. */
const hangMs = 20_000;
const growthBytes = 48 << 20;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-hostile-'));
});
afterEach(() => rm(directory, { recursive: true }));

const drain = async (events: AsyncIterable<unknown>): Promise<void> => {
  let count = 0;
  for await (const event of events) count += event === undefined ? 0 : 1;
  expect(count).toBeGreaterThanOrEqual(0);
};

const calls: readonly [Call, ...Call[]] = [
  (agent, signal) => agent.ping({}, { signal }),
  (agent, signal) => agent.info({}, { signal }),
  (agent, signal) => drain(agent.exec({ argv: ['/bin/true'] }, { signal })),
  (agent, signal) => drain(agent.list({ path: '/' }, { signal })),
  (agent, signal) => drain(agent.readFile({ path: '/etc/passwd' }, { signal })),
];
type Call = (agent: Client<typeof Agent>, signal: AbortSignal) => Promise<unknown>;

/** What the host does with any guest: connect, ask, leave. Gives the error it was told, of the kinds that callers expect. */
async function meet(path: string, call: Call): Promise<string> {
  const signal = AbortSignal.timeout(hangMs);
  let connection: GuestConnection;
  try {
    connection = await connectGuest({ socketPath: path, deadlineMs: greetingMs, signal });
  } catch (error) {
    expect(error).toBeInstanceOf(BigboxError);
    return (error as BigboxError).code;
  }
  try {
    await call(connection.agent, AbortSignal.timeout(callMs));
    return 'answered';
  } catch (error) {
    expect(error).toBeInstanceOf(ConnectError);
    return `refused (${Code[(error as ConnectError).code]})`;
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}

interface Tally {
  readonly outcomes: Record<string, number>;
  readonly faults: string[];
}

/** Each lane has a guest of its own, which turns hostile in another way for each input. */
async function runLane(lane: number, tally: Tally, seeds: Iterator<number>): Promise<void> {
  await using guest = await FakeGuest.listen(join(directory, `agent-${lane}`));
  for (let next = seeds.next(); next.done !== true; next = seeds.next()) {
    const random = new Random(next.value);
    const { kind, script } = makeInput(random);
    guest.script = script;
    try {
      const outcome = await abortable(meet(guest.path, random.pick(calls)), AbortSignal.timeout(hangMs));
      const key = `${kind}: ${outcome}`;
      tally.outcomes[key] = (tally.outcomes[key] ?? 0) + 1;
    } catch (error) {
      tally.faults.push(`seed ${next.value}, ${kind}: ${String(error)}`);
    }
  }
}

describe('the host end of the protocol', () => {
  test(
    `takes ${inputs} hostile inputs without a throw outside, a hang or growth`,
    { timeout: isLong ? 3_600_000 : 120_000 },
    async () => {
      const uncaught: unknown[] = [];
      const onUncaught = (error: unknown): void => void uncaught.push(error);
      process.on('uncaughtExceptionMonitor', onUncaught);
      const tally: Tally = { outcomes: {}, faults: [] };
      const run = async (from: number, count: number): Promise<void> => {
        const seeds = Array.from({ length: count }, (_one, index) => from + index).values();
        await Promise.all(Array.from({ length: lanes }, (_one, lane) => runLane(lane, tally, seeds)));
      };
      // What the first inputs leave is what was loaded and compiled for them.
      await run(0, 200);
      const before = { bytes: usedBytes(), resources: process.getActiveResourcesInfo().length };
      await run(200, inputs - 200);
      await new Promise(setImmediate);
      const after = { bytes: usedBytes(), resources: process.getActiveResourcesInfo().length };
      process.off('uncaughtExceptionMonitor', onUncaught);
      console.log(JSON.stringify({ inputs, ...tally.outcomes, before, after }, undefined, 1));
      expect(tally.faults).toEqual([]);
      expect(uncaught).toEqual([]);
      expect(after.bytes - before.bytes).toBeLessThan(growthBytes);
      expect(after.resources).toBeLessThanOrEqual(before.resources + lanes);
    },
  );

  test('a guest that leaves in the middle of its headers never ends the process', { timeout: 60_000 }, async () => {
    const half = toBytes({ type: frameTypes.headers, stream: 1, payload: toFields({ a: 'b' }) });
    const leave: Script = afterGreeting((socket) => {
      socket.write(settings);
      afterRequest(socket, () => socket.write(Buffer.concat([half, half])));
    });
    const run = async (lane: number): Promise<void> => {
      await using guest = await FakeGuest.listen(join(directory, `half-${lane}`));
      guest.script = leave;
      for (let count = 0; count < 60; count += 1)
        expect(await meet(guest.path, (agent, signal) => agent.ping({}, { signal }))).toMatch(/^refused/);
    };
    await Promise.all(Array.from({ length: lanes }, (_one, lane) => run(lane)));
    usedBytes();
  });
});
