import { z } from 'zod';
import type { CodeRun, PerspectiveAnswer, Point, TokenUsage } from '../contracts/analysis.ts';
import type { Draft, DraftRequest } from './draft-answer.ts';
import { maxSummaryLength } from './draft-shape.ts';
import { exampleTopic, toPerspectiveSystem } from './prompts.ts';
import { type AgentDelta, callForStructure } from './structured-call.ts';
import { cleanStatement, isNearDuplicate, shorten } from './text/index.ts';

export interface ReviseRequest extends Omit<DraftRequest, 'languages'> {
  readonly draft: Draft;
  /** What came of the draft's code, in order. */
  readonly codeRuns: readonly CodeRun[];
}

export type ReviseEvent =
  | AgentDelta
  | {
      readonly type: 'finished';
      readonly answer: PerspectiveAnswer;
      readonly usage: TokenUsage;
      readonly durationMs: number;
    };

const RawRevision = z.object({ finding: z.string().meta({ maxLength: maxSummaryLength }) });

/** Figures that a program printed, as much as fits into a prompt. */
const maxOutputCharacters = 600;

/**
 * Hands the output of the code back to the model, in one call: it states what the figures mean, under the answer that stands.
 * Where no run ended well with output there is nothing to hand back: the answer stays as it was, without a call. Throws what
 * the model throws, and ANSWER_UNUSABLE.
 */
export async function* reviseAnswer(request: ReviseRequest): AsyncGenerator<ReviseEvent, void> {
  const answer: PerspectiveAnswer = { ...request.draft.answer, code_runs: [...request.codeRuns] };
  const useful = request.codeRuns.filter(isUseful);
  if (useful.length === 0) {
    yield { type: 'finished', answer, usage: { input: 0, output: 0 }, durationMs: 0 };
    return;
  }
  const { answer: raw, cost } = yield* callForStructure({
    model: request.model,
    shape: RawRevision,
    fields: { finding: { title: 'What the calculation shows', style: 'paragraph' } },
    request: {
      system: `${toPerspectiveSystem(request.perspective, request)} ${rule}`,
      example,
      prompt: toPrompt(request.topic, useful.map(toPrinted)),
      maxOutputTokens: 160,
      temperature: request.temperature ?? 0.3,
      signal: request.signal,
      ...(request.seed === undefined ? {} : { seed: request.seed }),
    },
  });
  yield { type: 'finished', answer: revise(answer, { raw: raw.finding, topic: request.topic, runs: useful }), ...cost };
}

const isUseful = ({ result }: CodeRun): boolean =>
  result.outcome === 'exited' && result.exit_code === 0 && result.stdout.trim() !== '';

const rule =
  'You get what a program of yours printed; the figures that it starts from are examples, not measurements. Answer with JSON. finding: one sentence of 10 to 25 words that repeats the printed amount and says what it would mean, beginning with "With the example figures"';

const example = {
  prompt: toPrompt(exampleTopic, ['Food thrown away in a year: 7410 kg']),
  answer: JSON.stringify({ finding: 'With the example figures, the kitchen would throw away 7410 kg of food a year.' }),
};

function toPrompt(topic: string, printed: readonly string[]): string {
  return [`Topic: ${topic}`, ...printed.flatMap((text) => ['The program printed:', text])].join('\n');
}

const toPrinted = ({ result }: CodeRun): string => result.stdout.trim().slice(0, maxOutputCharacters);

/** The finding becomes the first insight. One that repeats none of the printed figures was not drawn from them and is left out. */
function revise(
  answer: PerspectiveAnswer,
  { raw, topic, runs }: { readonly raw: string; readonly topic: string; readonly runs: readonly CodeRun[] },
): PerspectiveAnswer {
  const finding = shorten(cleanStatement(raw, topic), 32);
  if (!repeatsAFigure(finding, runs)) return answer;
  const others = answer.insights.map((point) => point.text).filter((text) => !isNearDuplicate(text, finding, topic));
  const insights: Point[] = [finding, ...others].map((text, index) => ({
    id: `${answer.perspective}.insights.${index + 1}`,
    text,
  }));
  return { ...answer, insights, revised: true };
}

/** Thousands may be grouped and decimals dropped. */
function repeatsAFigure(text: string, runs: readonly CodeRun[]): boolean {
  const figuresOf = (written: string): string[] =>
    (written.match(/\d[\d,]*/gu) ?? [])
      .map((figure) => figure.replaceAll(',', ''))
      .filter((figure) => Number(figure) > 0);
  const printed = new Set(runs.flatMap((run) => figuresOf(run.result.stdout)));
  return figuresOf(text).some((figure) => printed.has(figure));
}
