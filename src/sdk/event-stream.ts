import { createParser } from 'eventsource-parser';
import { ErrorBody, fromErrorBody } from '../contracts/errors.ts';
import { type ConnectionOptions, send } from './http.ts';

/**
 * Reads the data of every server-sent event of a response (WHATWG HTML, section 9.2). Breaking out closes the connection.
 * Throws what the connection throws.
 */
export async function* readEventStream(response: Response): AsyncGenerator<string, void> {
  if (response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const ready: string[] = [];
  const parser = createParser({ onEvent: (event) => void ready.push(event.data) });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (value !== undefined) parser.feed(value);
      while (ready.length > 0) yield ready.shift() as string;
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Where events come from, and what makes of their JSON what they are. */
export interface EventSource<TEvent> {
  readonly path: string;
  readonly parse: (json: unknown) => TEvent;
}

/** Asks for a stream of events and gives them up to its end. Throws the server's errors, also those that end a stream, and as `send`. */
export async function* readEvents<TEvent>(
  connection: ConnectionOptions,
  { path, parse }: EventSource<TEvent>,
  signal: AbortSignal,
): AsyncGenerator<TEvent> {
  const response = await send(connection, path, { headers: { accept: 'text/event-stream' }, signal });
  for await (const data of readEventStream(response)) {
    const event: unknown = JSON.parse(data);
    if (ErrorBody.safeParse(event).success) throw fromErrorBody(event);
    yield parse(event);
  }
}
