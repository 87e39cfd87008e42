import { expect, test } from 'vitest';
import { isBalanced } from './balance.ts';

test.each([
  ['print("(")', true],
  ["print('it\\'s [')", true],
  ['x = [1, 2]  # (note\nprint(x)', true],
  ['"""\n(\n"""\nprint(1)', true],
  ['print(f"{1 + 1}"', false],
  ['x = [1, 2', false],
  ['print(1))', false],
  ['print([1)]', false],
])('isBalanced(%j) is %s', (code, expected) => {
  expect(isBalanced(code)).toBe(expected);
});
