import { describe, expect, test } from 'vitest';
import { type NamedVm, toNamedVm } from './named-vm.ts';
import { selectVms } from './vm-list.ts';

const make = (second: number, change: Partial<NamedVm> = {}): NamedVm => ({
  ...toNamedVm({ vmType: 'default' }, { now: new Date(second * 1000), size: { vcpus: 1, memoryMib: 256 } }),
  ...change,
});

function pages(vms: readonly NamedVm[], limit: number): (readonly NamedVm[])[] {
  const found: (readonly NamedVm[])[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const { vms: page, nextCursor } = selectVms(vms, {}, { limit, ...(cursor === '' ? {} : { cursor }) });
    found.push(page);
    cursor = nextCursor;
  }
  return found;
}

describe('selectVms()', () => {
  test('lets through what meets every part of the filter', () => {
    const wanted = make(1, { state: 'paused', name: 'one', metadata: { team: 'a', job: '7' } });
    const vms = [
      wanted,
      make(2, { ...wanted, state: 'ready' }),
      make(3, { ...wanted, name: 'two' }),
      make(4, { ...wanted, metadata: { team: 'a' } }),
      make(5, { ...wanted, metadata: { team: 'b', job: '7' } }),
    ];
    const filter = { state: 'paused', name: 'one', metadata: { team: 'a', job: '7' } } as const;
    expect(selectVms(vms, filter, { limit: 10 })).toEqual({ total: 1, vms: [wanted] });
    expect(selectVms(vms, {}, { limit: 10 }).total).toBe(5);
    expect(selectVms(vms, { metadata: { constructor: 'x' } }, { limit: 10 }).total).toBe(0);
  });

  test('gives every VM once over the pages, the oldest first, also those of one moment', () => {
    const vms = [make(3), make(1), make(2), make(2), make(2), make(4)];
    for (const limit of [1, 2, 3, 6, 7]) {
      const found = pages(vms, limit);
      expect(found.length).toBe(Math.ceil(vms.length / limit));
      const times = found.flat().map(({ createdAt }) => createdAt.getTime());
      expect(times).toEqual([1000, 2000, 2000, 2000, 3000, 4000]);
      expect(new Set(found.flat()).size).toBe(6);
    }
  });

  test('goes on where it was when the VM that the cursor names is gone', () => {
    const [first, second, third] = [make(1), make(2), make(3)];
    const { nextCursor = '' } = selectVms([first, second, third], {}, { limit: 2 });
    expect(selectVms([first, third], {}, { limit: 2, cursor: nextCursor })).toEqual({ total: 2, vms: [third] });
  });

  test('counts all pages', () => {
    const vms = [make(1), make(2), make(3)];
    expect(selectVms(vms, {}, { limit: 2 })).toMatchObject({ total: 3, vms: vms.slice(0, 2) });
  });

  test.each(['', 'nonsense', Buffer.from('1 x').toString('base64url')])('refuses the cursor %o', (cursor) => {
    expect(() => selectVms([], {}, { limit: 1, cursor })).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});
