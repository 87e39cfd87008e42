import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { type WireError, toWireError } from './wire-error.ts';

export interface StreamForm {
  readonly contentType: string;
  /** What is sent when an error comes after the first piece; nothing more follows. */
  readonly onError: (error: WireError) => string;
}

/**
 * Sends pieces of text as they come. An error before the first piece is thrown, so that it is answered with its own status; one
 * after it ends the stream in the form's way. When the client leaves, the source is closed.
 */
export async function sendStream(
  reply: FastifyReply,
  pieces: AsyncIterable<string>,
  form: StreamForm,
): Promise<FastifyReply> {
  const source = pieces[Symbol.asyncIterator]();
  const first = await source.next();
  async function* all(): AsyncGenerator<string, void> {
    try {
      for (let next = first; next.done !== true; next = await source.next()) yield next.value;
    } catch (error) {
      yield form.onError(toWireError(error));
    } finally {
      await source.return?.();
    }
  }
  return reply.type(form.contentType).send(Readable.from(all()));
}

/** One JSON object a line, as Ollama streams. */
export const ndjson: StreamForm = {
  contentType: 'application/x-ndjson',
  onError: ({ message }) => `${JSON.stringify({ error: message })}\n`,
};

/** Writes each value as a line. */
export async function* toLines(values: AsyncIterable<unknown>): AsyncGenerator<string, void> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}
