import type { ExecutionEvent, Language } from './execution.ts';

/** A JSON Schema object, as model servers take it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ModelRequest {
  readonly system: string;
  /** A prompt of the same kind with a good answer, which the model sees before the real prompt. */
  readonly example?: ModelExample;
  readonly prompt: string;
  /** The answer must be JSON of this shape. A `length` stop with a schema is an error. */
  readonly schema?: JsonSchema;
  readonly maxOutputTokens: number;
  readonly temperature?: number;
  readonly seed?: number;
  readonly signal: AbortSignal;
}

export interface ModelExample {
  readonly prompt: string;
  readonly answer: string;
}

export interface ModelUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/**
 * What a call yields: any number of deltas, then exactly one finish. After `restarted` the deltas so far are void: the answer
 * begins anew.
 */
export type ModelEvent =
  | { readonly type: 'text-delta'; readonly text: string }
  | { readonly type: 'restarted'; readonly reason: string }
  | {
      readonly type: 'finish';
      readonly text: string;
      readonly stopReason: 'stop' | 'length';
      readonly usage: ModelUsage;
      /** Milliseconds from the call to the first delta, and to the end. */
      readonly firstTokenMs: number;
      readonly durationMs: number;
    };

/** One language model behind one address. Agents hold this and never an address or a key. */
export interface Model {
  readonly provider: string;
  readonly name: string;
  /**
   * Generates text. Ends with `finish`; breaking out of the loop aborts the call.
   * Throws MODEL_UNREACHABLE, MODEL_NOT_FOUND, MODEL_BUSY, MODEL_FAILED, MODEL_OUTPUT_CUT (schema and a `length` stop, after one
   * retry with more room), and the signal's reason when aborted.
   */
  generate(request: ModelRequest): AsyncIterable<ModelEvent>;
}

export interface CodeRequest {
  readonly agentId: string;
  readonly language: Language;
  readonly code: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A place where model-written code may run once. Agents hold this and never a VM or a pool. */
export interface Sandbox {
  readonly languages: readonly Language[];
  /**
   * Runs code in a fresh microVM. Yields `execution-started`, output, then `execution-finished` or `execution-failed`;
   * breaking out of the loop or aborting the signal stops the code. Throws VM_UNAVAILABLE when the VM service cannot be reached.
   */
  execute(request: CodeRequest): AsyncIterable<ExecutionEvent>;
}

/** What a caller asks of a model; every field may be absent. */
export interface ModelWish {
  readonly provider?: string;
  readonly name?: string;
  readonly baseUrl?: string;
}

export interface ResolvedModel {
  readonly model: Model;
  /** The model that was asked for, where another one serves. */
  readonly requested?: string;
  readonly substitutedBecause?: string;
}

/** Finds the model that serves a wish. Workflows hold this; agents hold only the model. */
export interface ModelSource {
  /**
   * Resolves a wish; an empty wish gives the configured model, an absent one the machine's default with the reason.
   * `mayNameAddress` lets the wish name an address that is not configured (the owner only).
   * Throws MODEL_UNREACHABLE, MODEL_NOT_ALLOWED.
   */
  resolve(
    wish: ModelWish,
    options: { readonly mayNameAddress: boolean; readonly signal: AbortSignal },
  ): Promise<ResolvedModel>;
}
