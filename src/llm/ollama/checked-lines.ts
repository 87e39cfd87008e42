import { BigboxError } from '../../contracts/errors.ts';
import { modelFetch } from '../transport.ts';

/**
 * `modelFetch` for Ollama's streams. The provider drops a line that it cannot read, so a half line would leave a hole in the
 * text and Ollama's last line `{"error": "..."}` would lose its text; here both end the stream with MODEL_FAILED.
 */
export async function fetchCheckedLines(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await modelFetch(input, init);
  const isStream = response.headers.get('content-type')?.startsWith('application/x-ndjson') ?? false;
  if (!isStream || response.body === null) return response;
  const checked = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(checkLines())
    .pipeThrough(new TextEncoderStream());
  return new Response(checked, { status: response.status, headers: response.headers });
}

function checkLines(): TransformStream<string, string> {
  let rest: string[] = [];
  return new TransformStream({
    transform(text, controller) {
      const end = text.lastIndexOf('\n');
      if (end < 0) {
        rest.push(text);
        return;
      }
      const lines = rest.join('') + text.slice(0, end + 1);
      rest = [text.slice(end + 1)];
      for (const line of lines.split('\n')) check(line);
      controller.enqueue(lines);
    },
    flush(controller) {
      const last = rest.join('');
      check(last);
      controller.enqueue(last);
    },
  });
}

function check(line: string): void {
  if (line.trim() === '') return;
  const error = readError(line);
  if (error !== undefined) throw new BigboxError('MODEL_FAILED', { message: `The model server broke off: ${error}` });
}

function readError(line: string): string | undefined {
  try {
    const value = JSON.parse(line) as { readonly error?: unknown; readonly done?: unknown };
    if (typeof value.error === 'string') return value.error;
    return typeof value.done === 'boolean' ? undefined : 'it sent a line without "done".';
  } catch {
    return 'it sent a line that is not JSON.';
  }
}
