import { expect, test } from 'vitest';
import { toReadable } from './text-pane.tsx';

test('toReadable() leaves out what only a terminal understands', () => {
  const colours = '\u001B[1;31mred\u001B[0m \u001B]0;title\u0007text\tgrüße\r\n';
  expect(toReadable(`${colours}\u001B(Bbell\u0007`)).toBe('red text\tgrüße\nbell');
});
