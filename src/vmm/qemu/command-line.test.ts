import { describe, expect, test } from 'vitest';
import { toCommandLine } from './command-line.ts';

const spec = {
  kernel: '/k',
  initramfs: '/i',
  commandLine: 'quiet root=/dev/vda',
  disk: '/d',
  vcpus: 2,
  memoryMib: 256,
};
const line = (role: 'template' | 'clone', accelerator: 'kvm' | 'tcg'): string =>
  toCommandLine({
    binary: 'qemu',
    name: 'n',
    accelerator,
    spec,
    role,
    frozenLayers: role === 'clone' ? 2 : 0,
    layer: 'layer-2.qcow2',
  }).join(' ');

describe('toCommandLine()', () => {
  test('gives no machine a network, a display or the right to start programs', () => {
    for (const text of [line('template', 'tcg'), line('clone', 'kvm')]) {
      expect(text).not.toMatch(/netdev|-net |-nic|-vnc|-spice/);
      expect(text).toContain('-nodefaults -no-user-config -display none');
      expect(text).toContain('-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny');
    }
  });

  test('shares the memory of a template with its file and maps that of a clone privately', () => {
    expect(line('template', 'tcg')).toContain('mem-path=memory,share=on');
    expect(line('clone', 'tcg')).toContain('mem-path=/proc/self/fd/7,share=off');
  });

  test('opens every layer but the own one for reading only', () => {
    const disks = line('clone', 'tcg')
      .split(' ')
      .filter((word) => word.startsWith('driver='));
    expect(
      disks.filter((disk) => !disk.includes('read-only=on')).map((disk) => /node-name=([\w-]+)/.exec(disk)?.[1]),
    ).toEqual(['layer-2', 'top']);
  });

  test('stacks the layers of a snapshot in their order', () => {
    const backing = [...line('clone', 'tcg').matchAll(/node-name=([\w-]+),backing=(\w+)/g)].map(
      ([, ...names]) => names,
    );
    expect(backing).toEqual([
      ['frozen0', 'base'],
      ['frozen1', 'frozen0'],
      ['layer-2', 'frozen1'],
    ]);
  });

  test('never takes a path of the host', () => {
    for (const path of ['/k', '/i', '/d']) expect(line('clone', 'tcg').split(' ')).not.toContain(path);
  });
});
