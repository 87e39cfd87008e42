import { z } from 'zod';
import { Level, type Perspective, type ProgramParts } from '../contracts/analysis.ts';
import type { LiveField } from './live-text.ts';

/** The lists of an answer, in the order in which they are asked for and shown. */
export const lists = ['key_points', 'insights', 'recommendations'] as const;
export type ListName = (typeof lists)[number];

type Questions = NonNullable<Perspective['questions']>;

/** For a perspective whose catalogue entry asks nothing particular. */
const commonQuestions: Questions = {
  key_points: {
    main_effect: 'the most important effect',
    who_is_concerned: 'who is most concerned, and how',
    main_obstacle: 'the main obstacle',
  },
  insights: { overlooked: 'something that most people overlook', surprise: 'something that may surprise people' },
  recommendations: { first_step: 'what to do first, and who does it', later_step: 'what to do later' },
};

export const toQuestions = (perspective: Perspective): Questions => perspective.questions ?? commonQuestions;

/**
 * Where the grammar ends a text, in characters. Small models do not count words; without an end they write paragraphs. What is
 * cut in the middle of a sentence is taken back to its last whole part afterwards. They stand in the schema only, as
 * annotations: a longer answer of a server without grammars is no error.
 */
const maxStatementLength = 150;
export const maxSummaryLength = 200;

const Opinion = z.object({
  risk: Level,
  difficulty: Level,
  novelty: Level,
  people: Level,
  value: Level,
  confidence: z.literal([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
});

const line = z.string().meta({ maxLength: 110 });

/** The parts of a program under keys of their own: small models leave out what no key asks for. */
const Program: z.ZodType<ProgramParts> = z.object({
  figures: z.array(line).meta({ minItems: 2, maxItems: 4 }),
  calculation: line,
  print: line,
});

const Rest = z.object({
  summary: z.string(),
  program: Program.optional(),
  opinion: Opinion,
});

/** What the model writes, its points still under their questions' keys. */
export type RawDraft = z.infer<typeof Rest> & Readonly<Record<ListName, Readonly<Record<string, string>>>>;

/**
 * The shape that the model fills in, in the order in which a small model does best: each point under a key that says what it
 * is about, so that no two are alike; the summary when the points are there; opinion at the very end.
 */
export function toDraftShape(perspective: Perspective, asksForProgram: boolean): z.ZodType<RawDraft> {
  const questions = toQuestions(perspective);
  const points = lists.map((list) => {
    const keys = Object.keys(questions[list]);
    return [
      list,
      z.object(Object.fromEntries(keys.map((key) => [key, z.string().meta({ maxLength: maxStatementLength })]))),
    ] as const;
  });
  return z.object({
    ...(Object.fromEntries(points) as Record<ListName, z.ZodObject<Record<string, z.ZodString>>>),
    summary: z.string().meta({ maxLength: maxSummaryLength }),
    ...(asksForProgram ? { program: Program } : {}),
    opinion: Opinion,
  }) as unknown as z.ZodType<RawDraft>;
}

const titles: Readonly<Record<ListName, string>> = {
  key_points: 'Key points',
  insights: 'Insights',
  recommendations: 'Recommendations',
};

/** How a draft is shown while it comes. */
export function toDraftFields(perspective: Perspective): Record<string, LiveField> {
  const questions = toQuestions(perspective);
  const points = lists.flatMap((list) =>
    Object.keys(questions[list]).map((key, index): [string, LiveField] => [
      key,
      index === 0 ? { title: titles[list], style: 'list' } : { style: 'list' },
    ]),
  );
  return {
    ...Object.fromEntries(points),
    summary: { title: 'Summary', style: 'paragraph' },
    figures: { title: 'Calculation', style: 'code' },
    calculation: { style: 'code' },
    print: { style: 'code' },
  };
}
