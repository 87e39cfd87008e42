/** What a field with one `NAME=VALUE` a line holds, or what is wrong with it. */
export type Pairs =
  | { readonly ok: true; readonly pairs: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly problem: string };

const patterns = {
  label: {
    pattern: /^([A-Za-z0-9_.-]{1,64})=([^]*)$/,
    expected: 'KEY=VALUE, the key of letters, digits, dots, - and _',
  },
  variable: { pattern: /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/, expected: 'NAME=VALUE, the name of letters, digits and _' },
} as const;

/** Reads a field with one pair a line; empty lines are left out. */
export function parseLines(text: string, kind: keyof typeof patterns): Pairs {
  const { pattern, expected } = patterns[kind];
  const pairs: Record<string, string> = {};
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [, name, value] = pattern.exec(line.trim()) ?? [];
    if (name === undefined || value === undefined)
      return { ok: false, problem: `Line ${index + 1} is not ${expected}.` };
    pairs[name] = value;
  }
  return { ok: true, pairs };
}

const units = { s: 1, min: 60, h: 3600, d: 86_400 } as const;
const longestSeconds = 604_800;

/** Reads a time like `90`, `15 min` or `2 h` in seconds; undefined where it is none or longer than seven days. */
export function parseTime(text: string): number | undefined {
  const [, amount, unit = 's'] = /^\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)?\s*$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const seconds = Number(amount) * units[unit as keyof typeof units];
  return seconds > 0 && seconds <= longestSeconds ? seconds : undefined;
}
