import { BigboxError } from '../../contracts/errors.ts';
import { abortable } from '../../lib/async.ts';
import type { Model, ModelEvent, ModelRequest } from '../model.ts';

/** One answer of a scripted model. `fails` breaks off after the chunks; `waitFor` holds every chunk but the first back until it resolves. */
export interface ScriptedAnswer {
  readonly chunks: readonly string[];
  readonly stopReason?: 'stop' | 'length';
  readonly fails?: BigboxError;
  readonly waitFor?: Promise<void>;
}

/** A model for unit tests that says what the test wrote; the requests that it got are in `requests`. */
export interface ScriptedModel extends Model {
  readonly requests: readonly ModelRequest[];
}

/** Creates a model that answers each call by `answer`, given the request and how many calls came before. For tests only. */
export function createScriptedModel(
  answer: (request: ModelRequest, call: number) => ScriptedAnswer,
  name = 'scripted',
): ScriptedModel {
  const requests: ModelRequest[] = [];
  return {
    provider: 'scripted',
    name,
    requests,
    generate: (request) => generate(request, (asked) => answer(asked, requests.push(asked) - 1)),
  };
}

async function* generate(
  request: ModelRequest,
  answer: (request: ModelRequest) => ScriptedAnswer,
): AsyncGenerator<ModelEvent, void> {
  const startedAt = performance.now();
  for (const attempt of [1, 2]) {
    const room = request.maxOutputTokens * attempt;
    const scripted = answer({ ...request, maxOutputTokens: room });
    for await (const text of speak(scripted, request.signal)) yield { type: 'text-delta', text };
    if (scripted.fails !== undefined) throw scripted.fails;
    const stopReason = scripted.stopReason ?? 'stop';
    if (stopReason === 'stop' || request.schema === undefined) {
      yield toFinish(scripted, { stopReason, startedAt });
      return;
    }
    if (attempt === 1) yield { type: 'restarted', reason: `the answer did not fit into ${room} tokens` };
  }
  throw new BigboxError('MODEL_OUTPUT_CUT', { message: 'The scripted answer was cut twice.' });
}

async function* speak(scripted: ScriptedAnswer, signal: AbortSignal): AsyncGenerator<string, void> {
  signal.throwIfAborted();
  for (const [index, chunk] of scripted.chunks.entries()) {
    if (index > 0 && scripted.waitFor !== undefined) await abortable(scripted.waitFor, signal);
    signal.throwIfAborted();
    yield chunk;
  }
}

function toFinish(
  scripted: ScriptedAnswer,
  end: { readonly stopReason: 'stop' | 'length'; readonly startedAt: number },
): ModelEvent {
  const durationMs = performance.now() - end.startedAt;
  const { stopReason } = end;
  const usage = { inputTokens: 1, outputTokens: scripted.chunks.length };
  return { type: 'finish', text: scripted.chunks.join(''), stopReason, usage, firstTokenMs: durationMs, durationMs };
}
