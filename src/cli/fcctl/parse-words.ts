import { InvalidArgumentError } from 'commander';

type Pairs = Readonly<Record<string, string>>;

/** Adds `NAME=VALUE` to the variables before it. Throws commander's error for anything that is none. */
export function addVariable(word: string, earlier: Pairs = {}): Pairs {
  const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/.exec(word) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('A variable is set as NAME=VALUE.');
  return { ...earlier, [name]: value };
}

/** Adds `KEY=VALUE` to the labels before it. Throws commander's error for anything that is none. */
export function addLabel(word: string, earlier: Pairs = {}): Pairs {
  const [, key, value] = /^([A-Za-z0-9_.-]{1,64})=([^]*)$/.exec(word) ?? [];
  if (key !== undefined && value !== undefined) return { ...earlier, [key]: value };
  throw new InvalidArgumentError('A label is set as KEY=VALUE, its key of letters, digits, dots, - and _.');
}

/** Reads a time of at most this many seconds. Throws commander's error for anything that is none. */
export const parseSecondsUpTo =
  (most: number) =>
  (word: string): number => {
    const seconds = Number(word);
    if (word.trim() !== '' && seconds > 0 && seconds <= most) return seconds;
    throw new InvalidArgumentError(`A time is a number of seconds, at most ${most}.`);
  };

/** Reads a whole number in a range. Throws commander's error for anything that is none. */
export const parseWhole =
  (least: number, most: number) =>
  (word: string): number => {
    const value = Number(word);
    if (/^\d+$/.test(word) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It is a number from ${least} to ${most}.`);
  };
