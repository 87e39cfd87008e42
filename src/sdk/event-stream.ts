import { createParser } from 'eventsource-parser';

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
