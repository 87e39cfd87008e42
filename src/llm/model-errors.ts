import { APICallError } from 'ai';
import { BigboxError, type ErrorCode } from '../contracts/errors.ts';

export interface ModelErrorContext {
  readonly model: string;
  readonly address: string;
}

/** The code that an HTTP status of a model server means. */
export function toModelErrorCode(status: number | undefined): ErrorCode {
  if (status === 404) return 'MODEL_NOT_FOUND';
  if (status === 503 || status === 429) return 'MODEL_BUSY';
  return 'MODEL_FAILED';
}

/** Turns what a provider threw, or put into its stream, into an error of the registry. */
export function toModelError(thrown: unknown, context: ModelErrorContext): BigboxError {
  const known = findBigboxError(thrown);
  if (known !== undefined) return known;
  const status = APICallError.isInstance(thrown) ? thrown.statusCode : undefined;
  return new BigboxError(toModelErrorCode(status), {
    message: `The model server at ${context.address} failed on ${context.model}: ${describe(thrown)}`,
    context: { model: context.model, address: context.address, ...(status === undefined ? {} : { status }) },
    cause: thrown,
  });
}

/** The transport throws our own errors; some providers wrap them. */
function findBigboxError(thrown: unknown): BigboxError | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) if (error instanceof BigboxError) return error;
  return undefined;
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  if (APICallError.isInstance(thrown)) return readErrorBody(thrown.responseBody) ?? thrown.message;
  if (thrown instanceof Error) return thrown.message;
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) return String(thrown.message);
  return JSON.stringify(thrown) ?? String(thrown);
}

/** Ollama answers `{"error":"text"}`, OpenAI's protocol `{"error":{"message":"text"}}`. */
export function readErrorBody(body: string | undefined): string | undefined {
  if (body === undefined || body === '') return undefined;
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    if (typeof error === 'string') return error;
    if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  } catch {
    // Not JSON: a proxy's page, say. The provider's own message is better than its markup.
  }
  return undefined;
}
