import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Driver, MachineRecord } from '../driver.ts';
import { capture, connect, run } from './guest-calls.ts';
import type { Owner } from './owner.ts';

export interface AdoptionCases {
  /** Another driver of the run directory that the owners use. */
  readonly createDriver: () => Driver;
  /** Starts a process that restores a machine, or takes over the recorded one. */
  readonly startOwner: (...record: readonly string[]) => Promise<Owner>;
  readonly directory: () => string;
  /** The machines that there are, by the names of their directories. */
  readonly listMachines: () => Promise<readonly string[]>;
}

/** What becomes of machines whose owner dies. */
export function describeAdoption({ createDriver, startOwner, directory, listMachines }: AdoptionCases): void {
  const owners: Owner[] = [];
  const drivers: Driver[] = [];
  const start = async (...record: readonly MachineRecord[]): Promise<Owner> => {
    const owner = await startOwner(...record.map((one) => JSON.stringify(one)));
    owners.push(owner);
    return owner;
  };
  const successor = (): Driver => {
    const driver = createDriver();
    drivers.push(driver);
    return driver;
  };
  afterEach(async () => {
    await Promise.all(owners.splice(0).map((owner) => owner.kill()));
    for (const driver of drivers.splice(0)) {
      await driver.removeLeftovers(new Set());
      await driver.close();
    }
  });

  test('goes on after the death of one owner after another, with all that runs in it', async () => {
    const first = await start();
    await first.kill();
    const second = await start(first.record);
    await second.kill();
    const driver = successor();
    const machine = await driver.adopt(second.record);
    expect(machine.record()).toEqual(second.record);
    expect(await driver.removeLeftovers(new Set([machine.id]))).toEqual([]);
    const connection = await connect(machine);
    const beats = async (): Promise<number> => Number(await run(connection, 'wc -l < /dev/shm/beats'));
    expect(await run(connection, 'cat /dev/shm/owners')).toBe('owned\nowned\n');
    const before = await beats();
    await expect.poll(beats).toBeGreaterThan(before);
    const snapshot = await capture(machine, join(directory(), 'adopted'));
    await machine.destroy();
    expect((await machine.exited).reason).toBe('destroyed');
    expect((await listMachines()).join()).not.toContain(machine.id);
    const copy = await (await driver.prelaunch(snapshot)).restore();
    expect(await run(await connect(copy), 'cat /dev/shm/owners')).toBe('owned\nowned\n');
    await copy.destroy();
    await driver.forget(snapshot);
    await rm(snapshot.directory, { recursive: true });
  });

  test('is taken over while it is paused, and is missed when it is killed', async () => {
    const owner = await start();
    await owner.kill();
    const machine = await successor().adopt(owner.record);
    await machine.pause();
    await machine.resume();
    const connection = await connect(machine);
    process.kill(machine.pid, 'SIGKILL');
    expect((await machine.exited).reason).toBe('died');
    await expect(connection.agent.ping({}, { timeoutMs: 5000 })).rejects.toThrow();
    await expect(machine.pause()).rejects.toMatchObject({ code: 'VM_LOST' });
    await machine.destroy();
  });

  test('is not taken over when it hangs or is gone, and is a leftover then', async () => {
    const [hung, gone] = await Promise.all([start(), start()]);
    const driver = successor();
    const before = await driver.adopt((await Promise.all([hung.kill(), gone.kill()]), gone.record));
    await before.destroy();
    await expect(driver.adopt(gone.record)).rejects.toMatchObject({ code: 'VM_LOST' });
    const { pid } = hung.record.facts;
    process.kill(Number(pid), 'SIGSTOP');
    await expect(driver.adopt(hung.record)).rejects.toMatchObject({ code: 'VM_LOST' });
    expect((await driver.removeLeftovers(new Set())).length).toBeGreaterThan(0);
    expect(await listMachines()).toEqual([]);
  });
}
