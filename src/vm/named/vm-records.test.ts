import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BigboxError } from '../../contracts/errors.ts';
import { silentLogger } from '../../lib/log.ts';
import { toNamedVm } from './named-vm.ts';
import { type VmRecord, VmRecords } from './vm-records.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bigbox-records-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (ms: number): Date => new Date(1_800_000_000_000 + ms);
const size = { vcpus: 1, memoryMib: 256 };
const bare: VmRecord = { info: toNamedVm({ vmType: 'default' }, { now: at(0), size }) };
const full: VmRecord = {
  info: {
    ...toNamedVm(
      { vmType: 'default', agentId: 'a', snapshotId: 's', forkedFrom: 'f', timeoutMs: 5 },
      { now: at(1), size },
    ),
    metadata: { label: 'x' },
    environment: { SECRET: 'y' },
    expiresAt: at(9),
    lastActivity: at(5),
    state: 'failed',
    error: new BigboxError('VM_LOST', { message: 'It died.', context: { machine: 'm' } }),
  },
  machine: { id: 'm', driver: 'qemu', facts: { pid: 1, spec: { vcpus: 1 } } },
  request: { key: 'k', wishHash: 'h' },
};

describe('VmRecords', () => {
  test('gives back what was saved, the oldest VM first, to its owner alone', () => {
    const records = new VmRecords(join(directory, 'named'), silentLogger);
    expect(records.read()).toEqual([]);
    records.save(full);
    records.save(bare);
    records.save(full);
    const read = new VmRecords(join(directory, 'named'), silentLogger).read();
    expect(read).toEqual([bare, full]);
    expect(read[1]?.info.error).toBeInstanceOf(BigboxError);
    records.remove(bare.info.id);
    expect(records.read()).toEqual([full]);
  });

  test('removes what was cut short and leaves alone what it cannot read', () => {
    const records = new VmRecords(directory, silentLogger);
    records.save(bare);
    const text = readFileSync(join(directory, `${bare.info.id}.json`), 'utf8');
    writeFileSync(join(directory, 'vm-00000001.json'), text.slice(0, 50));
    writeFileSync(join(directory, 'vm-00000002.json.tmp'), text.slice(0, 50));
    expect(records.read()).toEqual([bare]);
    expect(readdirSync(directory).toSorted()).toEqual(['vm-00000001.json', `${bare.info.id}.json`].toSorted());
  });
});
