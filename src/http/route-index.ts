import type { RouteOptions } from 'fastify';

interface Entry {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

const escapeText = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const toPattern = (url: string): RegExp => {
  const escaped = url
    .split('/')
    .map((part) => {
      if (part === '*') return '.*';
      return part
        .split(/(:[A-Za-z0-9_]+)/)
        .map((piece) => (piece.startsWith(':') ? '[^/]+' : escapeText(piece)))
        .join('');
    })
    .join('/');
  return new RegExp(`^${escaped}$`);
};

/** Knows which methods each path has, to tell a wrong method from an unknown path. */
export class RouteIndex {
  readonly #entries = new Map<string, Entry>();

  add({ url: written, method }: RouteOptions): void {
    const url = written.replace(/(?<=.)\/$/, '');
    const entry = this.#entries.get(url) ?? { pattern: toPattern(url), methods: new Set<string>() };
    for (const name of Array.isArray(method) ? method : [method]) entry.methods.add(name);
    this.#entries.set(url, entry);
  }

  /** The methods of all routes that match the path, in order of the alphabet; empty for an unknown path. */
  methodsOf(path: string): readonly string[] {
    const found = new Set<string>();
    for (const { pattern, methods } of this.#entries.values())
      if (pattern.test(path)) for (const method of methods) found.add(method);
    return [...found].toSorted();
  }
}
