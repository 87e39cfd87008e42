import { expect, test } from 'vitest';
import { toPlace } from './place.ts';

test.each([
  ['notes.txt', { kind: 'here', path: 'notes.txt' }],
  ['./a:b', { kind: 'here', path: './a:b' }],
  ['/tmp/a:b', { kind: 'here', path: '/tmp/a:b' }],
  ['-', { kind: 'here', path: '-' }],
  ['try:', { kind: 'vm', vm: 'try', path: '/home/sandbox', isFolder: true }],
  ['try:a/../b.txt', { kind: 'vm', vm: 'try', path: '/home/sandbox/b.txt', isFolder: false }],
  ['try:/etc/hostname', { kind: 'vm', vm: 'try', path: '/etc/hostname', isFolder: false }],
  ['try:/tmp/', { kind: 'vm', vm: 'try', path: '/tmp', isFolder: true }],
  ['try:/tmp/12:30', { kind: 'vm', vm: 'try', path: '/tmp/12:30', isFolder: false }],
])('toPlace() reads %s', (word, place) => {
  expect(toPlace(word)).toEqual(place);
});
