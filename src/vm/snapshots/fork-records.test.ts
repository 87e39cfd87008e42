import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../lib/log.ts';
import { toNamedVm } from '../named/named-vm.ts';
import { VmRecords } from '../named/vm-records.ts';
import { ForkRecords } from './fork-records.ts';

let directory: string;
let vms: VmRecords;
let forks: ForkRecords;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bigbox-forks-'));
  vms = new VmRecords(join(directory, 'named'), silentLogger);
  forks = new ForkRecords(join(directory, 'forks'), silentLogger);
});
afterEach(() => rmSync(directory, { recursive: true }));

function saveVm(snapshotId?: string): string {
  const wish = { vmType: 'default', ...(snapshotId === undefined ? {} : { snapshotId }) };
  const info = toNamedVm(wish, { now: new Date(0), size: { vcpus: 1, memoryMib: 256 } });
  vms.save({ info });
  return info.id;
}
const savedVms = (): readonly string[] => vms.read().map(({ info }) => info.id);

describe('settle()', () => {
  test('undoes forks that nobody was told of, and no other VM', () => {
    const other = saveVm();
    saveVm('snap-01');
    saveVm('snap-01');
    forks.save({ copyId: 'snap-01' });
    expect(forks.settle(vms)).toEqual([]);
    expect(savedVms()).toEqual([other]);
    expect(forks.settle(vms)).toEqual([]);
  });

  test('keeps forks that were answered, until all of them are gone', () => {
    const [first, second] = [saveVm('snap-02'), saveVm('snap-02')];
    const answered = { copyId: 'snap-02', forks: [first, second], request: { key: 'k', wishHash: 'h' } };
    forks.save({ copyId: 'snap-02' });
    forks.save(answered);
    expect(forks.settle(vms)).toEqual([answered]);
    vms.remove(first as Parameters<VmRecords['remove']>[0]);
    expect(forks.settle(vms)).toEqual([answered]);
    vms.remove(second as Parameters<VmRecords['remove']>[0]);
    expect(forks.settle(vms)).toEqual([]);
  });
});
