import { BigboxError } from '../../contracts/errors.ts';

/** An error with the status and the text that clients of Ollama know. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly status: number;

  constructor(status: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

const kept = new Set([400, 403, 404, 405, 413, 415, 429, 503, 507]);

/** The text of V8's JSON errors in the words of Go's decoder, as far as they say the same. */
function toDecoderText(error: SyntaxError): string {
  const token = /Unexpected token '(.+?)'/su.exec(error.message)?.[1];
  if (token !== undefined) return `invalid character '${token}' looking for beginning of value`;
  if (/end of JSON|Unterminated/.test(error.message)) return 'unexpected EOF';
  return error.message;
}

const isClientFault = (error: object): error is { statusCode: number } =>
  'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500;

/** Says how anything thrown is answered: a status and a text. */
export function toWireError(thrown: unknown): WireError {
  if (thrown instanceof WireError) return thrown;
  if (thrown instanceof BigboxError)
    return new WireError(kept.has(thrown.status) ? thrown.status : 500, thrown.message, thrown);
  if (thrown instanceof Error && thrown.name === 'AbortError') return new WireError(499, 'request canceled', thrown);
  if (thrown instanceof SyntaxError) return new WireError(400, toDecoderText(thrown), thrown);
  if (thrown instanceof Error && isClientFault(thrown)) return new WireError(thrown.statusCode, thrown.message, thrown);
  return new WireError(500, thrown instanceof Error ? thrown.message : String(thrown), thrown);
}

const openAiTypes: Readonly<Record<number, string>> = { 400: 'invalid_request_error', 404: 'not_found_error' };

/** The body of an error below /v1. */
export const toOpenAiError = ({ status, message }: WireError): unknown => ({
  error: { message, type: openAiTypes[status] ?? 'api_error', param: null, code: null },
});
