import { expect, test } from 'vitest';
import { formatFacts, formatTable } from './table.ts';

test('formatTable() makes columns as wide as their widest cell and leaves no space at the end', () => {
  const rows = [
    ['vm-1', 'a long name', 'x'],
    ['vm-23456', 'b', ''],
  ];
  expect(formatTable(['ID', 'NAME', 'STATUS'], rows)).toBe(
    'ID        NAME         STATUS\nvm-1      a long name  x\nvm-23456  b\n',
  );
});

test('formatFacts() sets the values under each other', () => {
  expect(
    formatFacts([
      ['id', 'vm-1'],
      ['status', 'running'],
    ]),
  ).toBe('  id      vm-1\n  status  running\n');
});
