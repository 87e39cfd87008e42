import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../lib/log.ts';
import { toNamedVm } from './named-vm.ts';
import { settlePromotions } from './promotion.ts';
import { type VmRecord, VmRecords } from './vm-records.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bigbox-promotions-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const toRecord = (name: string, machine: string): VmRecord => ({
  info: {
    ...toNamedVm({ vmType: 'default', name }, { now: new Date(), size: { vcpus: 1, memoryMib: 256 } }),
    state: 'ready',
  },
  machine: { id: machine, driver: 'qemu', facts: {} },
});

test('settlePromotions() finishes what an owner had written down before it died, and nothing else', () => {
  const records = new VmRecords(directory, silentLogger);
  const [parent, fork, other, stranger] = ['parent', 'fork', 'other', 'stranger'].map((name) => toRecord(name, name));
  if (parent === undefined || fork === undefined || other === undefined || stranger === undefined) throw new Error();
  const discards = [fork, other].map(({ info }) => info.id);
  for (const record of [fork, other, stranger]) records.save(record);
  records.save({ ...parent, machine: { id: 'fork', driver: 'qemu', facts: {} }, discards });
  settlePromotions(records);
  const promoted = { ...parent, machine: { id: 'fork', driver: 'qemu', facts: {} } };
  expect(records.read().toSorted((one, next) => (one.info.name < next.info.name ? -1 : 1))).toEqual([
    promoted,
    stranger,
  ]);
  settlePromotions(records);
  expect(records.read()).toHaveLength(2);
});
