import { open } from 'node:fs/promises';
import type { Source, Target } from './source.ts';

export interface HubOptions {
  /** Address of the hub. Default: that of Hugging Face. */
  readonly url?: string;
  /** Time without a byte after which the download counts as broken. Default 30 s. */
  readonly idleMs?: number;
}

/** Aborts when nothing has come for a while; `touch` starts the wait anew. */
function watch(idleMs: number): { readonly signal: AbortSignal; touch(): void; stop(): void } {
  const controller = new AbortController();
  const fire = (): void => controller.abort(new Error(`nothing came for ${idleMs / 1000} s`));
  let timer = setTimeout(fire, idleMs);
  return {
    signal: controller.signal,
    touch() {
      clearTimeout(timer);
      timer = setTimeout(fire, idleMs);
    },
    stop: () => clearTimeout(timer),
  };
}

/** The reason of a failed fetch is in its cause: `fetch failed` alone helps nobody. */
function describe(error: unknown): Error {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause : new Error(String(cause));
}

async function append(response: Response, target: Target, touch: () => void): Promise<void> {
  const resumed = response.status === 206;
  const file = await open(target.path, resumed ? 'a' : 'w');
  let bytes = resumed ? target.bytesPresent : 0;
  try {
    for await (const chunk of response.body ?? []) {
      touch();
      await file.write(chunk);
      bytes += chunk.byteLength;
      target.onBytes(bytes);
    }
  } finally {
    await file.close();
  }
}

async function download(url: string, target: Target, idleMs: number): Promise<void> {
  const idle = watch(idleMs);
  try {
    const response = await fetch(url, {
      headers: target.bytesPresent > 0 ? { range: `bytes=${target.bytesPresent}-` } : {},
      signal: AbortSignal.any([target.signal, idle.signal]),
    });
    if (response.status !== 200 && response.status !== 206) {
      await response.body?.cancel();
      throw new Error(`${url} answered ${response.status}`);
    }
    await append(response, target, () => idle.touch());
  } catch (error) {
    target.signal.throwIfAborted();
    throw describe(error);
  } finally {
    idle.stop();
  }
}

/** Creates a source that downloads the publisher's own file from a model hub and goes on where an earlier try stopped. */
export function createHubSource(options: HubOptions = {}): Source {
  const base = (options.url ?? 'https://huggingface.co').replace(/\/$/, '');
  return {
    name: options.url === undefined ? 'Hugging Face' : `hub ${base}`,
    async fetch(model, target) {
      if (model.sources.hub === undefined) throw new Error('the catalogue names no file there');
      await download(`${base}/${model.sources.hub}`, target, options.idleMs ?? 30_000);
    },
  };
}
