import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Ending, type ExecEvent, type Exit, FileKind, type GuestConnection } from '../guest/index.ts';
import { type BootedGuest, bootGuest, buildImage, run } from './suite/booted-guest.ts';

/** The whole gigabyte takes minutes under emulation; a quarter shows the same. */
const gigabytes = process.env['BIGBOX_TEST_LONG'] === '1' ? 1 : 0.25;

let machine: BootedGuest;
let guest: GuestConnection;

beforeAll(async () => {
  machine = await bootGuest(await buildImage(process.env));
  guest = await machine.connect();
}, 900_000);

afterAll(async () => {
  guest?.close();
  await machine?.[Symbol.asyncDispose]();
});

const python = (code: string): string[] => ['python3', '-c', code];
const shell = (code: string): string[] => ['sh', '-c', code];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const codeOf = async (call: Promise<unknown>): Promise<string> =>
  await call.then(
    () => 'no error',
    (error: unknown) => Code[ConnectError.from(error).code],
  );

/** Starts a program and reads its first event, so that its id is known. */
async function start(connection: GuestConnection, request: Parameters<GuestConnection['agent']['exec']>[0]) {
  const events = connection.agent.exec(request)[Symbol.asyncIterator]();
  const first = await events.next();
  if (first.done === true || first.value.event.case !== 'started') throw new Error('the first event is not the start');
  return { id: first.value.event.value.id, events };
}

async function* writeParts(
  path: string,
  parts: Iterable<Uint8Array>,
  options: { makeParents?: boolean; size?: bigint } = {},
) {
  yield { part: { case: 'header' as const, value: { path, ...options } } };
  for (const value of parts) yield { part: { case: 'data' as const, value } };
}

async function readFile(path: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const { data } of guest.agent.readFile({ path })) parts.push(data);
  return Buffer.concat(parts);
}

describe('boot', () => {
  test('says nothing on the console and knows what it is', async () => {
    const info = await guest.agent.info({});
    expect(info.agentVersion).toMatch(/^\d+\.\d+\.\d+$/);
    expect(info.hostname).toBe('bigbox');
    expect(info.uptimeMs).toBeGreaterThanOrEqual(info.readyAfterMs);
    expect((await machine.console()).trim()).toBe('');
  });
});

describe('exec', () => {
  test('keeps the two streams apart and reports the exit code', async () => {
    const { stdout, stderr, exit } = await run(guest, { argv: shell('echo out; echo err >&2; exit 3') });
    expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    expect(exit).toMatchObject({ ending: Ending.EXITED, code: 3, signal: 0, outputBytes: 8n });
  });

  test('runs as the user without rights, in its home, with a small environment', async () => {
    const { stdout } = await run(guest, {
      argv: shell('id -un; pwd; echo $HOME; touch /etc/x 2>/dev/null || echo no'),
    });
    expect(stdout).toBe('sandbox\n/home/sandbox\n/home/sandbox\nno\n');
  });

  test('takes user, working directory and environment', async () => {
    const { stdout } = await run(guest, {
      argv: shell('id -un; pwd; echo $GREETING'),
      user: 'root',
      cwd: '/var/tmp',
      env: { GREETING: 'hello world' },
    });
    expect(stdout).toBe('root\n/var/tmp\nhello world\n');
  });

  test('gives standard input, and its end', async () => {
    const { stdout } = await run(guest, { argv: ['wc', '-c'], stdin: bytes('x'.repeat(200_000)) });
    expect(stdout.trim()).toBe('200000');
    expect((await run(guest, { argv: ['cat'] })).stdout).toBe('');
  });

  test('takes more standard input while the program runs', async () => {
    const { id, events } = await start(guest, { argv: ['cat'], keepStdin: true });
    await guest.agent.stdin(
      (async function* () {
        yield { id, data: bytes('one ') };
        yield { id, data: bytes('two'), end: true };
      })(),
    );
    let text = '';
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      const { event } = next.value;
      if (event.case === 'stdout') text += Buffer.from(event.value.data).toString();
    }
    expect(text).toBe('one two');
  });

  test('runs every language of the template', async () => {
    expect((await run(guest, { argv: python('print(6*7)') })).stdout).toBe('42\n');
    expect((await run(guest, { argv: ['node', '-e', 'console.log(6*7)'] })).stdout).toBe('42\n');
    expect((await run(guest, { argv: ['bash', '-c', 'echo $((6*7))'] })).stdout).toBe('42\n');
  });

  test('refuses what cannot be run', async () => {
    expect(await codeOf(run(guest, { argv: [] }))).toBe('InvalidArgument');
    expect(await codeOf(run(guest, { argv: ['no-such-program'] }))).toBe('NotFound');
    expect(await codeOf(run(guest, { argv: ['/etc/passwd'] }))).toBe('PermissionDenied');
    expect(await codeOf(run(guest, { argv: ['true'], user: 'stranger' }))).toBe('InvalidArgument');
    expect(await codeOf(run(guest, { argv: ['true'], cwd: '/no/where' }))).toBe('InvalidArgument');
  });

  test('reports the right exit code of each of many at once', async () => {
    const codes = Array.from({ length: 20 }, (_, index) => index);
    const ran = await Promise.all(codes.map((code) => run(guest, { argv: shell(`exit ${code}`) })));
    expect(ran.map(({ exit }) => exit.code)).toEqual(codes);
  });
});

describe('signals and stops', () => {
  test('signals one program', async () => {
    const { id, events } = await start(guest, {
      argv: shell('trap "echo caught; exit 7" TERM; echo up; while :; do sleep 0.05; done'),
    });
    await events.next();
    await guest.agent.signal({ id, signal: 15 });
    const rest = await drain(events);
    expect(rest.text).toBe('caught\n');
    expect(rest.exit).toMatchObject({ ending: Ending.EXITED, code: 7 });
  });

  test('tells a death by signal from an exit', async () => {
    const { exit } = await run(guest, { argv: shell('kill -SEGV $$') });
    expect(exit).toMatchObject({ ending: Ending.SIGNALLED, code: -1, signal: 11 });
  });

  test('stops at the time limit, with what went to the background and left its session', async () => {
    const { exit } = await run(guest, {
      argv: shell('setsid sleep 1000 & setsid setsid sleep 1000 & sleep 1000'),
      limits: { timeoutMs: 1_500n },
    });
    expect(exit.ending).toBe(Ending.TIMED_OUT);
    expect((await guest.agent.metrics({})).processes).toBe(0);
  });

  test('ends when its first process ends, and takes the rest along', async () => {
    const { exit } = await run(guest, { argv: shell('setsid sleep 1000 & exit 0') });
    expect(exit).toMatchObject({ ending: Ending.EXITED, code: 0 });
    expect((await guest.agent.metrics({})).processes).toBe(0);
  });

  test('stops a fork bomb, and goes on', async () => {
    const { id, events } = await start(guest, {
      argv: python('import os\nwhile True:\n  try: os.fork()\n  except OSError: pass'),
    });
    await until(async () => (await guest.agent.metrics({})).processes >= 100);
    await guest.agent.stopTree({ id });
    expect((await drain(events)).exit?.ending).toBe(Ending.STOPPED);
    expect((await guest.agent.metrics({})).processes).toBe(0);
    expect((await run(guest, { argv: ['echo', 'alive'] })).stdout).toBe('alive\n');
  });

  test('reports a memory hog as out of memory, within its own limit and within the machine', async () => {
    const hog = python('x = []\nwhile True: x.append(bytearray(1 << 20))');
    const limited = await run(guest, { argv: hog, limits: { memoryBytes: 64n << 20n } });
    expect(limited.exit).toMatchObject({ ending: Ending.OUT_OF_MEMORY, code: -1, signal: 9 });
    expect(limited.exit.memoryPeakBytes).toBeLessThanOrEqual(64n << 20n);
    const unlimited = await run(guest, { argv: hog });
    expect(unlimited.exit.ending).toBe(Ending.OUT_OF_MEMORY);
    expect((await run(guest, { argv: ['echo', 'alive'] })).stdout).toBe('alive\n');
  });

  test('stops at the output limit, with exactly as much', async () => {
    const { stdout, exit } = await run(guest, { argv: ['yes'], limits: { outputBytes: 100_001n } });
    expect(exit).toMatchObject({ ending: Ending.OUTPUT_LIMIT, outputBytes: 100_001n });
    expect(stdout).toHaveLength(100_001);
  });
});

describe('files', () => {
  test('writes, describes, lists, reads and removes', async () => {
    const content = randomBytes(300_000);
    const written = await guest.agent.writeFile(
      writeParts('/home/sandbox/a/b/data', [content.subarray(0, 100_000), content.subarray(100_000)], {
        makeParents: true,
      }),
    );
    expect(written.bytes).toBe(300_000n);
    const { entry } = await guest.agent.stat({ path: '/home/sandbox/a/b/data' });
    expect(entry).toMatchObject({ name: 'data', kind: FileKind.FILE, size: 300_000n, mode: 0o644, uid: 1000 });
    const names: string[] = [];
    for await (const { entries } of guest.agent.list({ path: '/home/sandbox/a/b' }))
      names.push(...entries.map(({ name }) => name));
    expect(names).toEqual(['data']);
    expect((await readFile('/home/sandbox/a/b/data')).equals(content)).toBe(true);
    expect(await codeOf(guest.agent.remove({ path: '/home/sandbox/a' }))).toBe('FailedPrecondition');
    await guest.agent.remove({ path: '/home/sandbox/a', recursive: true });
    expect(await codeOf(guest.agent.stat({ path: '/home/sandbox/a' }))).toBe('NotFound');
  });

  test('reads a part', async () => {
    await guest.agent.writeFile(writeParts('/tmp/letters', [bytes('abcdefgh')]));
    const parts: Uint8Array[] = [];
    for await (const { data } of guest.agent.readFile({ path: '/tmp/letters', offset: 2n, length: 3n }))
      parts.push(data);
    expect(Buffer.concat(parts).toString()).toBe('cde');
  });

  test('refuses cleanly', async () => {
    expect(await codeOf(readFile('/no/such'))).toBe('NotFound');
    expect(await codeOf(readFile('relative'))).toBe('InvalidArgument');
    expect(await codeOf(readFile('/etc'))).toBe('FailedPrecondition');
    expect(await codeOf(readFile('/dev/zero'))).toBe('FailedPrecondition');
    expect(await codeOf(guest.agent.writeFile(writeParts('/etc', [bytes('x')])))).toBe('FailedPrecondition');
    expect(await codeOf(guest.agent.writeFile(writeParts('/no/such/file', [bytes('x')])))).toBe('NotFound');
    expect(await codeOf(guest.agent.makeDirectory({ path: '/etc/passwd' }))).toBe('AlreadyExists');
  });

  test('leaves nothing of an upload that broke off', async () => {
    const cut = writeParts('/home/sandbox/half', [bytes('first half')], { size: 20n });
    expect(await codeOf(guest.agent.writeFile(cut))).toBe('DataLoss');
    expect((await run(guest, { argv: ['ls', '-A', '/home/sandbox'] })).stdout).not.toContain('.part');
    expect(await codeOf(guest.agent.stat({ path: '/home/sandbox/half' }))).toBe('NotFound');
  });
});

describe('renew', () => {
  test('sets clock, entropy and identity, and says what holds then', async () => {
    const time = 2_000_000_000_000_000n;
    const machineId = randomBytes(16).toString('hex');
    const renewed = await guest.agent.renew({
      unixTimeUs: time,
      entropy: randomBytes(64),
      hostname: 'vm-4711',
      machineId,
    });
    expect(renewed).toMatchObject({ reseeded: true, hostname: 'vm-4711', machineId });
    expect(renewed.unixTimeUs - time).toBeLessThan(5_000_000n);
    const { stdout } = await run(guest, { argv: shell('hostname; cat /etc/machine-id; date +%Y') });
    expect(stdout).toBe(`vm-4711\n${machineId}\n2033\n`);
  });

  test('refuses what is no identity', async () => {
    expect(await codeOf(guest.agent.renew({ hostname: 'not a name' }))).toBe('InvalidArgument');
    expect(await codeOf(guest.agent.renew({ machineId: 'short' }))).toBe('InvalidArgument');
    expect(await codeOf(guest.agent.renew({ entropy: randomBytes(8) }))).toBe('InvalidArgument');
  });
});

describe('the connection', () => {
  test('is as good as new after each of 50 abrupt ends with data in flight', async () => {
    for (let round = 0; round < 50; round += 1) {
      const download = start(guest, { argv: ['dd', 'if=/dev/urandom', 'bs=32k', 'count=40'] });
      const block = randomBytes(64 << 10);
      const upload = guest.agent.writeFile(
        writeParts(
          '/tmp/upload',
          Array.from({ length: 50 }, () => block),
        ),
      );
      upload.catch(() => undefined);
      const { id } = await download;
      guest.close();
      guest = await machine.connect();
      const payload = randomBytes(200);
      expect(Buffer.from((await guest.agent.ping({ payload })).payload).equals(payload)).toBe(true);
      await guest.agent.stopTree({ id });
    }
    expect((await run(guest, { argv: ['echo', 'alive'] })).stdout).toBe('alive\n');
  });

  test('loses no byte of a program that outlives connections', async () => {
    const total = 1_000_000;
    const wanted = createHash('sha256').update(Array.from({ length: total }, (_, index) => `${index + 1}\n`).join(''));
    const found = createHash('sha256');
    let position = 0n;
    let cuts = 0;
    let exited = false;
    const { id, events } = await start(guest, { argv: ['seq', '1', String(total)] });
    let stream: AsyncIterator<ExecEvent> = events;
    while (!exited) {
      const until = cuts < 10 ? position + 300_000n : 1n << 60n;
      while (position < until && !exited) {
        const next = await stream.next();
        if (next.done === true) throw new Error('the stream ended early');
        const { event } = next.value;
        if (event.case === 'stdout') {
          expect(event.value.offset).toBe(position);
          found.update(event.value.data);
          position += BigInt(event.value.data.length);
        }
        exited = event.case === 'exit';
      }
      if (exited) break;
      cuts += 1;
      guest.close();
      guest = await machine.connect();
      stream = guest.agent.attach({ id, offset: position })[Symbol.asyncIterator]();
    }
    expect(cuts).toBe(10);
    expect(found.digest('hex')).toBe(wanted.digest('hex'));
  });

  test('hands a program over to the newest reader, and knows what it no longer keeps', async () => {
    const { id, events } = await start(guest, { argv: ['sleep', '1000'] });
    const newer = guest.agent.attach({ id, offset: 0n })[Symbol.asyncIterator]();
    await newer.next();
    expect(await codeOf(events.next())).toBe('Aborted');
    expect(await codeOf(first(guest.agent.attach({ id, offset: 99n })))).toBe('OutOfRange');
    expect(await codeOf(first(guest.agent.attach({ id: 999_999n })))).toBe('NotFound');
    await guest.agent.stopTree({ id });
  });

  test('is not held up by streams that nobody reads', async () => {
    const stalled = await Promise.all(Array.from({ length: 8 }, () => start(guest, { argv: ['yes'] })));
    const sleeping = await Promise.all(
      Array.from({ length: 8 }, () => start(guest, { argv: ['sleep', '1000'], keepStdin: true })),
    );
    const uploads = sleeping.map(async ({ id }) => {
      const block = new Uint8Array(32 << 10);
      const chunks = async function* () {
        for (let index = 0; index < 64; index += 1) yield { id, data: block };
      };
      await guest.agent.stdin(chunks()).catch(() => undefined);
    });
    const ran = await Promise.all([1, 2, 3].map((code) => run(guest, { argv: shell(`exit ${code}`) })));
    expect(ran.map(({ exit }) => exit.code)).toEqual([1, 2, 3]);
    const everyone = [...stalled, ...sleeping];
    await Promise.all(everyone.map(({ id }) => guest.agent.stopTree({ id })));
    await Promise.all([...uploads, ...stalled.map(({ events }) => drain(events))]);
  });

  test(`carries ${gigabytes} GiB at the pace of its reader, the agent staying small`, async () => {
    const total = BigInt(gigabytes * 2 ** 30);
    const before = (await guest.agent.metrics({})).agentResidentBytes;
    const { events } = await start(guest, {
      argv: ['dd', 'if=/dev/zero', 'bs=64k', `count=${gigabytes * 16_384}`, 'status=none'],
    });
    let received = 0n;
    let peak = before;
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      const { event } = next.value;
      if (event.case !== 'stdout') continue;
      const measure = received >> 27n;
      received += BigInt(event.value.data.length);
      if (received >> 27n === measure) continue;
      const { agentResidentBytes, keptOutputBytes } = await guest.agent.metrics({});
      peak = agentResidentBytes > peak ? agentResidentBytes : peak;
      expect(keptOutputBytes).toBeLessThan(8n << 20n);
    }
    expect(received).toBe(total);
    expect(peak - before).toBeLessThan(8n << 20n);
  }, 600_000);

  test('makes a program wait whose output nobody reads', async () => {
    const { id, events } = await start(guest, {
      argv: shell(
        'i=0; while :; do dd if=/dev/zero bs=64k count=1 2>/dev/null; i=$((i+1)); echo $i > /tmp/blocks; done',
      ),
    });
    const written = async (): Promise<number> => Number((await run(guest, { argv: ['cat', '/tmp/blocks'] })).stdout);
    await until(async () => (await written()) >= 5);
    const settled = await settle(written);
    // Windows, buffers and pipe together hold about a megabyte.
    expect(settled).toBeLessThan(64);
    await guest.agent.stopTree({ id });
    await drain(events);
  });
});

describe('power off', () => {
  test('switches the machine off and tells the host that the connection is over', async () => {
    await guest.agent.powerOff({});
    await machine.off;
    expect(await guest.closed).toBeInstanceOf(Error);
    expect(await codeOf(guest.agent.ping({}))).not.toBe('no error');
  });
});

async function drain(events: AsyncIterator<ExecEvent>) {
  let text = '';
  let exit: Exit | undefined;
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    const { event } = next.value;
    if (event.case === 'stdout') text += Buffer.from(event.value.data).toString();
    if (event.case === 'exit') exit = event.value;
  }
  return { text, exit };
}

async function first<TItem>(items: AsyncIterable<TItem>): Promise<TItem | undefined> {
  for await (const item of items) return item;
  return undefined;
}

/** Asks again until it is so; the test's own time limit ends it otherwise. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await wait(20);
}

/** Gives the value once it has stayed the same over several askings. */
async function settle(ask: () => Promise<number>): Promise<number> {
  let last = await ask();
  for (let same = 0; same < 5;) {
    await wait(100);
    const next = await ask();
    same = next === last ? same + 1 : 0;
    last = next;
  }
  return last;
}
