import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createTestPlane } from '../../../test/fixtures/vm-plane.ts';
import type { VmService } from '../vm-service.ts';

const patienceMs = 170_000;
const forks = 20;
const clones = 4;
const clockToleranceMs = 1000;

/** Everything that a machine must have of its own, as a program says it that was started in it. */
const witness = `
import json, os, socket, ssl, time, uuid
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="example.com")
try: tls.do_handshake()
except ssl.SSLWantReadError: pass
read = lambda path: open(path).read().strip()
print(json.dumps({
  "time": time.time() * 1000,
  "own": {
    "urandom": os.urandom(16).hex(),
    "random device": open("/dev/urandom", "rb").read(16).hex(),
    "kernel uuid": read("/proc/sys/kernel/random/uuid"),
    "boot id": read("/proc/sys/kernel/random/boot_id"),
    "machine id": read("/etc/machine-id"),
    "host name": socket.gethostname(),
    "uuid": str(uuid.uuid4()),
    "client random": outgoing.read()[11:43].hex(),
  },
}))
`;

const Testimony = z.object({ time: z.number(), own: z.record(z.string(), z.string().min(8)) });
type Testimony = z.infer<typeof Testimony>;

let dataDir: string;
let service: VmService;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-hygiene-'));
  service = createTestPlane(dataDir, {
    limits: { maxVms: forks + 2 },
    policy: { allowedLanguages: ['python'], maxCodeLength: 4000, validateCode: true },
  });
  await service.ready(AbortSignal.timeout(patienceMs));
});
afterEach(() => Promise.all(service.named.list().map(({ id }) => service.named.delete(id))));
afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function settle(id: string): Promise<string> {
  const { state, error } = await service.named.settled(id);
  expect([state, error?.message]).toEqual(['ready', undefined]);
  return id;
}

/** Hears a machine, whose clock must be right within the time that this takes. */
async function hear(id: string): Promise<Testimony> {
  const askedAt = Date.now();
  const request = { agent_id: 'a', language: 'python', code: witness, vm_id: id };
  for await (const event of service.execute(request, AbortSignal.timeout(patienceMs))) {
    if (event.type !== 'execution-finished') continue;
    expect(event.result).toMatchObject({ exit_code: 0, stderr: '' });
    const testimony = Testimony.parse(JSON.parse(event.result.stdout));
    expect(testimony.time).toBeGreaterThan(askedAt - clockToleranceMs);
    expect(testimony.time).toBeLessThan(Date.now() + clockToleranceMs);
    return testimony;
  }
  throw new Error('the execution ended without a result');
}

/** Nothing may be said by two machines. */
function expectDistinct(testimonies: readonly Testimony[]): void {
  for (const name of Object.keys(testimonies[0]?.own ?? {}))
    expect(new Set(testimonies.map(({ own }) => own[name])).size, name).toBe(testimonies.length);
}

describe('machines that go on from one state have nothing of their own in common', () => {
  test(`${forks} forks of a VM that has run the same program, and the VM`, { timeout: patienceMs }, async () => {
    const { id } = service.named.create({ vmType: 'default' });
    const before = await hear(await settle(id));
    const made = await service.forks.fork(id, { count: forks });
    const ids = await Promise.all(made.map((fork) => settle(fork.id)));
    const heard = await Promise.all(ids.map(hear));
    expectDistinct([before, ...heard]);
  });

  test(`${clones} clones of the template`, { timeout: patienceMs }, async () => {
    const made = Array.from({ length: clones }, () => service.named.create({ vmType: 'default' }));
    const ids = await Promise.all(made.map((clone) => settle(clone.id)));
    expectDistinct(await Promise.all(ids.map(hear)));
  });
});
