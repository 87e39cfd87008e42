import { describe, expect, test } from 'vitest';
import { BigboxError, type ErrorCode } from '../../contracts/errors.ts';
import type { JsonSchema, Model, ModelEvent, ModelRequest } from '../model.ts';

/** What a model must have been told to do before one call of the suite. */
export interface SuiteScene {
  /** The text to answer, in the pieces in which it comes; absent: any text. */
  readonly says?: readonly string[];
  readonly fails?: 'unreachable' | 'missing' | 'busy' | 'broken' | 'breaks-off' | 'error-in-stream' | 'cut';
  /** Holds the answer back after the first piece until the caller goes away. */
  readonly hangs?: boolean;
}

/** One implementation under the suite. */
export interface SuiteSubject {
  /** Prepares the next call and gives the model to make it with. */
  prepare(scene: SuiteScene): Promise<Model>;
  /** False where trouble cannot be arranged: with a real model. */
  readonly canFail: boolean;
}

const schema: JsonSchema = {
  type: 'object',
  properties: { verdict: { enum: ['yes', 'no'] }, reason: { type: 'string', maxLength: 60 } },
  required: ['verdict', 'reason'],
  additionalProperties: false,
};

const ask = (changes: Partial<ModelRequest> = {}): ModelRequest => ({
  system: 'You answer briefly.',
  prompt: 'Topic: Is the sky blue?',
  maxOutputTokens: 80,
  temperature: 0.1,
  seed: 7,
  signal: new AbortController().signal,
  ...changes,
});

const collect = (model: Model, request: ModelRequest): Promise<ModelEvent[]> =>
  Array.fromAsync(model.generate(request));

const codeOf = async (work: Promise<unknown>): Promise<ErrorCode | undefined> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof BigboxError ? error.code : undefined;
};

/** The contract of `Model`; every implementation passes it. */
export function describeModel(name: string, subject: SuiteSubject): void {
  describe(`${name} as a Model`, () => {
    describeAnswers(subject);
    describeAborts(subject);
    if (subject.canFail) describeFailures(subject);
  });
}

function describeAnswers(subject: SuiteSubject): void {
  test('yields deltas, then exactly one finish that carries their text, the usage and the times', async () => {
    const events = await collect(await subject.prepare({}), ask());
    const finish = events.at(-1);
    const deltas = events.filter((event) => event.type === 'text-delta');
    if (finish?.type !== 'finish') throw new Error('no finish came');
    expect(deltas.map((delta) => delta.text).join('')).toBe(finish.text);
    expect(events.filter((event) => event.type === 'finish')).toHaveLength(1);
    expect(finish.text.length).toBeGreaterThan(0);
    expect(finish.usage.inputTokens).toBeGreaterThan(0);
    expect(finish.usage.outputTokens).toBeGreaterThan(0);
    expect(finish.firstTokenMs).toBeLessThanOrEqual(finish.durationMs);
  });

  test('answers a schema with JSON of that shape', async () => {
    const says = ['{"verdict":', '"yes","reason"', ':"It is."}'];
    const events = await collect(await subject.prepare({ says }), ask({ schema }));
    const finish = events.at(-1);
    if (finish?.type !== 'finish') throw new Error('no finish came');
    expect(JSON.parse(finish.text)).toEqual({
      verdict: expect.stringMatching(/^(yes|no)$/) as string,
      reason: expect.any(String) as string,
    });
  });
}

function describeAborts(subject: SuiteSubject): void {
  test('throws the reason of a signal that has aborted before', async () => {
    const model = await subject.prepare({});
    const reason = new Error('changed my mind');
    await expect(collect(model, ask({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });

  test('throws the reason at once when aborted in the middle', async () => {
    const model = await subject.prepare({ says: ['one ', 'two ', 'three'], hangs: true });
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: string[] = [];
    const reading = (async () => {
      for await (const event of model.generate(ask({ signal: controller.signal }))) {
        seen.push(event.type);
        controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(seen).toEqual(['text-delta']);
  });

  test('ends quietly when the caller stops reading', async () => {
    const model = await subject.prepare({ says: ['one ', 'two ', 'three'], hangs: true });
    for await (const event of model.generate(ask())) {
      expect(event.type).toBe('text-delta');
      break;
    }
  });
}

function describeFailures(subject: SuiteSubject): void {
  test.each([
    ['unreachable', 'MODEL_UNREACHABLE'],
    ['missing', 'MODEL_NOT_FOUND'],
    ['busy', 'MODEL_BUSY'],
    ['broken', 'MODEL_FAILED'],
    ['breaks-off', 'MODEL_FAILED'],
    ['error-in-stream', 'MODEL_FAILED'],
  ] as const)('reports a server that is %s as %s', async (fails, code) => {
    const model = await subject.prepare({ says: ['one ', 'two ', 'three ', 'four'], fails });
    expect(await codeOf(collect(model, ask()))).toBe(code);
  });

  test('gives a cut answer with a schema one more try with twice the room, and says that it starts anew', async () => {
    const model = await subject.prepare({ says: ['{"verdict":', '"yes","reason"', ':"It is."}'] });
    const events = await collect(model, ask({ schema, maxOutputTokens: 2 }));
    expect(events.map((event) => event.type)).toContain('restarted');
    expect(events.at(-1)).toMatchObject({ type: 'finish', stopReason: 'stop' });
  });

  test('throws MODEL_OUTPUT_CUT when the second try is cut too', async () => {
    const model = await subject.prepare({ says: ['{"verdict":', '"yes","reason"', ':"It is."}'], fails: 'cut' });
    expect(await codeOf(collect(model, ask({ schema })))).toBe('MODEL_OUTPUT_CUT');
  });

  test('leaves a cut answer without a schema as it is', async () => {
    const model = await subject.prepare({ says: ['one ', 'two ', 'three ', 'four'] });
    const events = await collect(model, ask({ maxOutputTokens: 2 }));
    expect(events.at(-1)).toMatchObject({ type: 'finish', stopReason: 'length', text: 'one two ' });
  });
}
