const closers: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const strings =
  /'''[\s\S]*?'''|"""[\s\S]*?"""|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|#[^\n]*|\/\/[^\n]*/gu;

/** True when every bracket of a program is closed, strings and comments left out: a program that was cut off is not. */
export function isBalanced(code: string): boolean {
  const open: string[] = [];
  for (const character of code.replaceAll(strings, '')) {
    if ('([{'.includes(character)) open.push(character);
    else if (character in closers && open.pop() !== closers[character]) return false;
  }
  return open.length === 0;
}
