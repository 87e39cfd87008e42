import { access, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code } from '@connectrpc/connect';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BigboxError } from '../../contracts/errors.ts';
import type { Driver, Machine, MachineSpec, Snapshot } from '../driver.ts';
import { describeAdoption } from './adoption-cases.ts';
import { agentTimeoutMs, capture, connect, reconnect, run } from './guest-calls.ts';
import { Owner } from './owner.ts';

export interface DriverSuiteOptions {
  readonly createDriver: (runDirectory: string) => Driver;
  /** A machine whose guest agent answers. */
  readonly loadSpec: () => Promise<MachineSpec>;
  /**
   * A program that owns one machine and waits to be killed: `node PROGRAM RUN_DIRECTORY SNAPSHOT_DIRECTORY [RECORD]` restores the snapshot
   * or takes over the recorded machine, adds a line to /dev/shm/owners in the guest, adds lines to /dev/shm/beats without end, and
   * prints the record.
   */
  readonly ownerProgram: string;
  /** Where its machines' directories lie, below the run directory. */
  readonly machines?: string;
  /** Whether each capture holds all memory; the driver's capabilities say so. */
  readonly capturesWhole?: boolean;
}

const pausedMs = 2000;
/** In memory and on the disk. */
const noiseBytes = 16 << 20;

/** The contract of `Driver`: every implementation passes these cases. */
export function describeDriver(name: string, options: DriverSuiteOptions): void {
  describe(`driver ${name}`, () => {
    let directory: string;
    let driver: Driver;
    let spec: MachineSpec;
    let snapshot: Snapshot;
    const machines: { destroy(): Promise<void> }[] = [];
    const own = <TMachine extends { destroy(): Promise<void> }>(machine: TMachine): TMachine => {
      machines.push(machine);
      return machine;
    };
    const listMachines = (): Promise<string[]> =>
      readdir(join(directory, 'run', options.machines ?? '')).catch(() => []);
    const restore = async (): Promise<Machine> => {
      const waiting = own(await driver.prelaunch(snapshot));
      return own(await waiting.restore());
    };

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'bigbox-driver-'));
      driver = options.createDriver(join(directory, 'run'));
      spec = await options.loadSpec();
      const machine = own(await driver.bootTemplate(spec));
      const connection = await connect(machine);
      expect(await run(connection, 'echo booted')).toBe('booted\n');
      connection.close();
      snapshot = await machine.freeze(join(directory, 'template'));
    });
    afterEach(async () => {
      await Promise.all(machines.splice(0).map((machine) => machine.destroy()));
    });
    afterAll(async () => {
      await driver.close();
      await rm(directory, { recursive: true, force: true });
    });

    test('says what it is and what it cannot do here', async () => {
      const capabilities = await driver.probe();
      expect(capabilities.version).not.toBe('');
      expect(['kvm', 'tcg']).toContain(capabilities.accelerator);
      expect(capabilities.confinement).toContain('seccomp');
      if (capabilities.accelerator === 'tcg') expect(await driver.fallBack('nothing is slower')).toBe(false);
    });

    test('restores clones that answer and do not share what they write', async () => {
      const clones = await Promise.all([restore(), restore(), restore()]);
      const connections = await Promise.all(clones.map(connect));
      await Promise.all(connections.map((connection, index) => run(connection, `echo ${index} > mark`)));
      const marks = await Promise.all(connections.map((connection) => run(connection, 'cat mark; sync')));
      expect(marks).toEqual(['0\n', '1\n', '2\n']);
      expect(await run(await connect(await restore()), 'cat mark 2>&1 || true')).toContain('No such file');
    });

    test('counts shared memory of clones once', async () => {
      const [first] = await Promise.all([restore(), restore()]);
      await connect(first);
      const { proportionalBytes, residentBytes } = await first.memory();
      expect(proportionalBytes).toBeGreaterThan(0);
      expect(proportionalBytes).toBeLessThan(residentBytes);
    });

    test('stands still while it is paused and goes on with its memory and connection', async () => {
      const machine = await restore();
      const connection = await connect(machine);
      await run(connection, 'head -c 8M /dev/urandom > /dev/shm/noise; sha256sum < /dev/shm/noise > /dev/shm/hash');
      await machine.pause();
      await machine.pause();
      const asked = connection.agent.ping({ payload: Buffer.from('before') }, { timeoutMs: agentTimeoutMs });
      await expect(connection.agent.ping({}, { timeoutMs: pausedMs })).rejects.toMatchObject({
        code: Code.DeadlineExceeded,
      });
      await machine.resume();
      await machine.resume();
      expect(Buffer.from((await asked).payload).toString()).toBe('before');
      const hashes = await run(connection, 'cat /dev/shm/hash; sha256sum < /dev/shm/noise');
      expect(new Set(hashes.trim().split('\n')).size).toBe(1);
    });

    test('can be destroyed while it is paused, and is missed when it is killed then', async () => {
      const [kept, killed] = await Promise.all([restore(), restore()]);
      await Promise.all([kept.pause(), killed.pause()]);
      await kept.destroy();
      expect((await kept.exited).reason).toBe('destroyed');
      process.kill(killed.pid, 'SIGKILL');
      expect((await killed.exited).reason).toBe('died');
      await expect(killed.resume()).rejects.toMatchObject({ code: 'VM_LOST' });
      await expect(kept.pause()).rejects.toMatchObject({ code: 'VM_LOST' });
    });

    test('captures a machine that goes on, again and again, each capture whole without the ones before', async () => {
      let origin = snapshot;
      for (const generation of [1, 2, 3]) {
        const machine = own(await own(await driver.prelaunch(origin)).restore());
        const connection = await connect(machine);
        const noise = `head -c 3M /dev/urandom | tee /dev/shm/memory${generation} > disk${generation}`;
        const sums = 'sha256sum disk* /dev/shm/memory*';
        const before = await run(connection, `${noise}; ${sums}`);
        const captured = await capture(machine, join(directory, `capture-${generation}`));
        expect(await run(await reconnect(machine, connection), `echo later > later; ${sums}`)).toBe(before);
        await machine.destroy();
        await removeSnapshot(driver, origin, snapshot);
        origin = await driver.loadSnapshot(captured.directory);
        const copies = await Promise.all([1, 2].map(async () => own(await driver.prelaunch(origin)).restore()));
        for (const copy of copies.map(own))
          expect(await run(await connect(copy), `${sums}; cat later 2> /dev/null`)).toBe(before);
        await Promise.all(copies.map((copy) => copy.destroy()));
      }
      await removeSnapshot(driver, origin, snapshot);
    });

    test.skipIf(options.capturesWhole)(
      'stores what a machine changed since its last capture, and keeps what a later one needs',
      async () => {
        const machine = await restore();
        const connection = await connect(machine);
        const write = (name: string): Promise<string> =>
          run(
            connection,
            `head -c 8M /dev/urandom | tee /dev/shm/${name} > ${name}; sync; sha256sum ${name} /dev/shm/${name}`,
          );
        const origins: Snapshot[] = [];
        const said: string[] = [];
        for (const name of ['first', 'second']) {
          said.push(await write(name));
          origins.push(await capture(machine, join(directory, name)));
        }
        const idle = await capture(machine, join(directory, 'idle'));
        const branch = own(await own(await driver.prelaunch(origins[0] ?? idle)).restore());
        await removeSnapshot(driver, origins[0] ?? idle, snapshot);
        await removeSnapshot(driver, origins[1] ?? idle, snapshot);
        expect(origins.map(({ storedBytes }) => Math.floor(storedBytes / noiseBytes))).toEqual([1, 1]);
        expect(idle.storedBytes).toBeLessThan(noiseBytes / 4);
        const last = own(await own(await driver.prelaunch(await driver.loadSnapshot(idle.directory))).restore());
        const check = 'for name in first second; do sha256sum $name /dev/shm/$name; done';
        expect(await run(await connect(last), check)).toBe(said.join(''));
        const branched = await capture(branch, join(directory, 'branch'));
        expect(branched.storedBytes).toBeLessThan(noiseBytes / 4);
        await removeSnapshot(driver, idle, snapshot);
        const grown = own(await own(await driver.prelaunch(branched)).restore());
        expect(await run(await connect(grown), `${check} 2> /dev/null`)).toBe(said[0]);
        await removeSnapshot(driver, branched, snapshot);
      },
    );

    test('boots with the disk that another machine left, and captures what it booted', async () => {
      const first = await restore();
      await run(await connect(first), 'echo disk > note; echo memory > /dev/shm/note; sync');
      await first.pause();
      const kept = await first.keepDisk(join(directory, 'disk'));
      await first.destroy();
      const second = own(await driver.boot(kept.spec, await driver.loadDisk(kept.directory)));
      await rm(kept.directory, { recursive: true });
      const connection = await connect(second);
      const read = 'cat note; cat /dev/shm/note 2> /dev/null || echo nothing';
      expect(await run(connection, read)).toBe('disk\nnothing\n');
      await run(connection, 'echo booted | tee /dev/shm/note >> note; sync');
      const captured = await capture(second, join(directory, 'booted'));
      await second.destroy();
      const third = own(await own(await driver.prelaunch(captured)).restore());
      expect(await run(await connect(third), read)).toBe('disk\nbooted\nbooted\n');
      await removeSnapshot(driver, captured, snapshot);
    });

    test('refuses a damaged disk', async () => {
      const machine = await restore();
      await machine.pause();
      const { layers, directory: path } = await machine.keepDisk(join(directory, 'damaged-disk'));
      await flipByte(join(path, layers.at(-1) ?? ''));
      await expect(driver.loadDisk(path)).rejects.toMatchObject({ code: 'VM_DISK_UNUSABLE' });
      await expect(driver.loadDisk(join(directory, 'nowhere'))).rejects.toMatchObject({ code: 'VM_DISK_UNUSABLE' });
    });

    test('leaves nothing of a capture that failed', async () => {
      const machine = await restore();
      await machine.pause();
      await machine.destroy();
      await expect(machine.capture(join(directory, 'none'))).rejects.toBeInstanceOf(BigboxError);
      await expect(access(join(directory, 'none'))).rejects.toThrow();
    });

    test('leaves nothing of a destroyed machine', async () => {
      const machine = await restore();
      await machine.destroy();
      expect((await machine.exited).reason).toBe('destroyed');
      await expect(access(`/proc/${machine.pid}`)).rejects.toThrow();
      expect(await listMachines()).toEqual([]);
      await machine.destroy();
    });

    test('notices within a second that a machine was killed from outside', async () => {
      const machine = await restore();
      const connection = await connect(machine);
      const startedAt = performance.now();
      process.kill(machine.pid, 'SIGKILL');
      expect((await machine.exited).reason).toBe('died');
      expect(performance.now() - startedAt).toBeLessThan(1000);
      await expect(connection.agent.ping({}, { timeoutMs: 5000 })).rejects.toThrow();
      await expect(machine.connect(AbortSignal.timeout(5000))).rejects.toMatchObject({ code: 'VM_LOST' });
    });

    test('keeps the console of a guest that does not come up', async () => {
      const broken = {
        ...spec,
        commandLine: spec.commandLine.replace(/root=\S+/, 'root=/dev/nowhere').replace('quiet', ''),
      };
      const machine = own(await driver.boot(broken));
      const exit = await Promise.race([machine.exited, machine.connect(AbortSignal.timeout(agentTimeoutMs))]);
      expect(exit).toMatchObject({ reason: 'died' });
      expect(machine.consoleTail()).toMatch(/nowhere|Kernel panic|agent/);
    });

    test('dials a machine no more when it is gone, and never the next one in its place', async () => {
      const machine = await restore();
      await machine.pause();
      const dialling = machine.connect(AbortSignal.timeout(agentTimeoutMs));
      const failure = expect(dialling).rejects.toMatchObject({ code: 'VM_LOST' });
      await machine.destroy();
      await failure;
      const next = await restore();
      const connection = await connect(next);
      expect(await run(connection, 'echo here')).toBe('here\n');
      connection.close();
    });

    test('refuses a damaged snapshot', async () => {
      const machine = own(await driver.bootTemplate(spec));
      (await connect(machine)).close();
      const damaged = await machine.freeze(join(directory, 'damaged'));
      for (const file of Object.keys(damaged.files)) {
        await flipByte(join(damaged.directory, file));
        await expect(driver.loadSnapshot(damaged.directory)).rejects.toMatchObject({ code: 'VM_SNAPSHOT_FAILED' });
      }
      await expect(driver.prelaunch(damaged)).rejects.toMatchObject({ code: 'VM_SNAPSHOT_FAILED' });
      await expect(driver.loadSnapshot(join(directory, 'nowhere'))).rejects.toBeInstanceOf(BigboxError);
      expect((await driver.loadSnapshot(snapshot.directory)).files).toEqual(snapshot.files);
    });

    describeAdoption({
      createDriver: () => options.createDriver(join(directory, 'run')),
      startOwner: (...record) =>
        Owner.start(options.ownerProgram, join(directory, 'run'), snapshot.directory, ...record),
      directory: () => directory,
      listMachines,
    });

    test('removes what an earlier owner left, and nothing else', async () => {
      const machine = await restore();
      const other = options.createDriver(join(directory, 'elsewhere'));
      expect(await other.removeLeftovers(new Set())).toEqual([]);
      const successor = options.createDriver(join(directory, 'run'));
      expect((await successor.removeLeftovers(new Set())).length).toBeGreaterThan(0);
      expect((await machine.exited).reason).toBe('died');
      expect(await listMachines()).toEqual([]);
    });
  });
}

async function removeSnapshot(driver: Driver, snapshot: Snapshot, kept: Snapshot): Promise<void> {
  if (snapshot === kept) return;
  await driver.forget(snapshot);
  await rm(snapshot.directory, { recursive: true });
}

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 5);
    byte.writeUInt8(byte.readUInt8() ^ 0xff);
    await file.write(byte, 0, 1, 5);
  } finally {
    await file.close();
  }
}
