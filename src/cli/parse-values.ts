import { InvalidArgumentError } from 'commander';

/** Reads a port. Throws commander's error for anything that is none. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

/** Reads a list of names between commas. Throws commander's error for an empty one. */
export function parseNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw new InvalidArgumentError('It is a list of names between commas, without empty ones.');
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Reads a length of time, like 90s, 15m, 2h or 7d, as seconds. Throws commander's error for anything else. */
export function parseDuration(text: string): number {
  const [, count = '0', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (secondsOf[unit] ?? 0);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError('It is a length of time, like 90s, 15m, 2h or 7d.');
}

const bytesOf: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Reads an amount of bytes, like 500k, 20m or 4g. Throws commander's error for anything else. */
export function parseBytes(text: string): number {
  const [, count = '0', unit = ''] = /^(\d{1,9})([kmg])$/i.exec(text) ?? [];
  const bytes = Number(count) * (bytesOf[unit.toLowerCase()] ?? 0);
  if (bytes > 0) return bytes;
  throw new InvalidArgumentError('It is an amount of bytes, like 500k, 20m or 4g.');
}
