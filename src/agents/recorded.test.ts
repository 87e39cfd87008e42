import { describe, expect, test } from 'vitest';
import recorded from '../../test/fixtures/model-answers/town-centre.json' with { type: 'json' };
import type { CodeRun, Perspective, PerspectiveAnswer } from '../contracts/analysis.ts';
import type { Model, ModelRequest } from '../contracts/ports.ts';
import { type Draft, draftAnswer, reviseAnswer, synthesise } from './index.ts';
import { isNearDuplicate } from './text/index.ts';

type Recording = keyof typeof recorded.answers;
const { topic } = recorded;
const signal = new AbortController().signal;

/** A model that says again what the real one said. */
function replay(name: Recording, change = (text: string): string => text): Model & { requests: ModelRequest[] } {
  const { text, usage, durationMs } = recorded.answers[name];
  const requests: ModelRequest[] = [];
  return {
    provider: 'recorded',
    name,
    requests,
    async *generate(request) {
      requests.push(request);
      yield { type: 'text-delta', text: change(text) };
      yield { type: 'finish', text: change(text), stopReason: 'stop', usage, firstTokenMs: 1, durationMs };
    },
  };
}

/** A perspective that asks what the recording answers. */
function toPerspective(name: Recording): Perspective {
  const raw = JSON.parse(recorded.answers[name].text) as Record<string, Record<string, string>>;
  const ask = (list: string): Record<string, string> =>
    Object.fromEntries(Object.keys(raw[list] ?? {}).map((key) => [key, `${key}?`]));
  return {
    id: name,
    name,
    focus: '',
    description: '',
    strengths: [],
    approach: '',
    role: `You are ${name}.`,
    color: 'blue',
    selected_by_default: true,
    computes: 'program' in raw,
    questions: { key_points: ask('key_points'), insights: ask('insights'), recommendations: ask('recommendations') },
  };
}

async function draft(
  name: Recording,
  change?: (text: string) => string,
  perspective = toPerspective(name),
): Promise<Draft> {
  const model = replay(name, change);
  const request = {
    model,
    perspective,
    domains: [],
    topic,
    languages: ['python' as const],
    signal,
  };
  for await (const event of draftAnswer(request)) if (event.type === 'finished') return event.draft;
  throw new Error('no draft came');
}

const pointsOf = (answer: PerspectiveAnswer): string[] =>
  [...answer.key_points, ...answer.insights, ...answer.recommendations].map((point) => point.text);

describe('draftAnswer() on recorded answers', () => {
  test.each(['analytical', 'creative', 'practical'] as const)(
    'leaves only whole, different statements of %s',
    async (name) => {
      const { answer } = await draft(name);
      const texts = pointsOf(answer);
      expect(texts.length).toBeGreaterThanOrEqual(4);
      for (const text of [answer.summary, ...texts]) {
        expect(text).toMatch(/^[A-Z].*[.!?]$/s);
        expect(text).not.toMatch(/\b(?:and|it|may not be worth|could be an effective way to)\.$/);
      }
      const pairs = texts.flatMap((left, index) => texts.slice(index + 1).map((right) => [left, right] as const));
      expect(pairs.filter(([left, right]) => isNearDuplicate(left, right, topic))).toEqual([]);
    },
  );

  test.each(['Number of vehicles in the town center', 'A road network and parking facilities.'])(
    'drops %j, which states nothing',
    async (headline) => {
      const { answer } = await draft('analytical', (text) => text.replace(/(?<="cause":)"[^"]+"/, `"${headline}"`));
      expect(answer.key_points).toHaveLength(2);
    },
  );

  test('drops what is copied from the example of the prompt', async () => {
    const copied = 'Portions are cooked for every child on the list, so each empty chair becomes waste.';
    const example = {
      key_points: { cause: copied },
      insights: {},
      recommendations: {},
      summary: 'Let pupils order a day ahead, because most waste comes from absent children.',
    };
    const perspective = { ...toPerspective('analytical'), example };
    const copy = (text: string): string =>
      text.replace(/(?<="cause":)"[^"]+"/, `"${copied}"`).replace(/(?<="summary":)"[^"]+"/, `"${example.summary}"`);
    const { answer } = await draft('analytical', copy, perspective);
    expect(answer.key_points).toHaveLength(2);
    expect(answer.summary).toBe(answer.key_points[0]?.text);
  });

  test('numbers the points of each list without gaps', async () => {
    const { answer } = await draft('analytical');
    expect(answer.key_points.map((point) => point.id)).toEqual(
      answer.key_points.map((_, index) => `analytical.key-points.${index + 1}`),
    );
  });

  test('offers the program that the model wrote', async () => {
    const [block] = (await draft('analytical')).codeBlocks;
    expect(block).toMatchObject({ language: 'python', code: expect.stringContaining('print(f') as string });
  });

  test('shows the text under its titles while it comes, without JSON', async () => {
    let shown = '';
    const request = { model: replay('creative'), perspective: toPerspective('creative'), domains: [], topic, signal };
    for await (const event of draftAnswer({ ...request, languages: [] }))
      if (event.type === 'text-delta') shown += event.text;
    expect(shown).toMatch(/^\*\*Key points\*\*\n- A new regulation/);
    expect(shown).not.toMatch(/[{}]|"summary"/);
  });

  test('throws ANSWER_UNUSABLE for an answer that is not of the form, and for one of which nothing can be printed', async () => {
    await expect(draft('creative', () => 'I cannot do that.')).rejects.toMatchObject({ code: 'ANSWER_UNUSABLE' });
    const emptied = (text: string): string => text.replaceAll(/:\s?"[^"]{20,}"/g, ':""');
    await expect(draft('creative', emptied)).rejects.toMatchObject({ code: 'ANSWER_UNUSABLE' });
  });
});

const ran = (changes: Partial<CodeRun['result']>): CodeRun => ({
  language: 'python',
  code: 'print(205000)',
  result: {
    execution_id: 'exec-1',
    vm_id: 'vm-1',
    vm_type: 'bigbox-base',
    outcome: 'exited',
    exit_code: 0,
    stdout: 'Car ban cost: $205000.\n',
    stderr: '',
    truncated: false,
    duration_ms: 9,
    started_at: '',
    completed_at: '',
    warnings: [],
    ...changes,
  },
});

async function revise(codeRuns: readonly CodeRun[]) {
  const model = replay('practical-revision');
  const request = { model, perspective: toPerspective('practical'), domains: [], topic, signal, codeRuns };
  for await (const event of reviseAnswer({ ...request, draft: await draft('practical') }))
    if (event.type === 'finished') return { model, answer: event.answer };
  throw new Error('no answer came');
}

describe('reviseAnswer() on a recorded revision', () => {
  test('hands the output back and puts the finding first', async () => {
    const { model, answer } = await revise([ran({})]);
    expect(model.requests[0]?.prompt).toContain('Car ban cost: $205000.');
    expect(answer.insights[0]).toMatchObject({
      id: 'practical.insights.1',
      text: expect.stringContaining('205000') as string,
    });
    expect(answer).toMatchObject({ revised: true, code_runs: [{ language: 'python' }] });
  });

  test('leaves out a finding that repeats none of the printed figures', async () => {
    const { answer } = await revise([ran({ stdout: 'Shops: 17\n' })]);
    expect(answer.revised).toBe(false);
    expect(answer.insights.map((point) => point.text).join(' ')).not.toContain('205000');
  });

  test('asks nothing where no run has come to a result, and keeps the runs', async () => {
    const { model, answer } = await revise([ran({ exit_code: 1, stdout: '' })]);
    expect(model.requests).toEqual([]);
    expect(answer).toMatchObject({ revised: false, code_runs: [{ result: { exit_code: 1 } }] });
  });
});

describe('synthesise() on a recorded synthesis', () => {
  async function sumUp(change?: (text: string) => string) {
    const drafts = await Promise.all((['analytical', 'practical', 'creative'] as const).map((name) => draft(name)));
    const answers = drafts.map(({ answer }) => answer);
    const complete = (text: string): string => {
      const filled = {
        agree_1: '',
        agree_2: '',
        differ_1: '',
        differ_2: '',
        first_1: '',
        first_2: '',
        first_3: '',
        needs_1: '',
        needs_2: '',
      };
      return JSON.stringify({ ...filled, ...(JSON.parse(change?.(text) ?? text) as object) });
    };
    for await (const event of synthesise({ model: replay('synthesis', complete), topic, answers, signal }))
      if (event.type === 'finished') return { answers, synthesis: event.synthesis };
    throw new Error('no synthesis came');
  }
  const statementsOf = ({ synthesis }: Awaited<ReturnType<typeof sumUp>>) =>
    Object.values(synthesis).flatMap((section) => (typeof section === 'string' ? [] : section));

  test('cites only points that exist, at least one in each statement', async () => {
    const result = await sumUp();
    const ids = new Set(
      result.answers.flatMap((answer) =>
        [...answer.key_points, ...answer.insights, ...answer.recommendations].map((point) => point.id),
      ),
    );
    const statements = statementsOf(result);
    expect(statements.length).toBeGreaterThanOrEqual(4);
    for (const { cites } of statements) {
      expect(cites.length).toBeGreaterThan(0);
      for (const id of cites) expect(ids).toContain(id);
    }
  });

  test('names no perspective in a statement that does not cite it', async () => {
    for (const { text, cites } of statementsOf(await sumUp()))
      for (const name of ['analytical', 'practical', 'creative'])
        if (new RegExp(`\\b${name}\\b`, 'i').test(text)) expect(cites.join(' ')).toContain(`${name}.`);
  });

  test('says nothing twice', async () => {
    const texts = statementsOf(await sumUp()).map((statement) => statement.text);
    const pairs = texts.flatMap((left, index) => texts.slice(index + 1).map((right) => [left, right] as const));
    expect(pairs.filter(([left, right]) => isNearDuplicate(left, right, topic))).toEqual([]);
  });

  test('lets the points speak where the wording has nothing to do with them', async () => {
    const { answers, synthesis } = await sumUp((text) =>
      text.replaceAll(/("first_\d": )"[^"]+"/g, '$1"Bananas ripen quickly."'),
    );
    const recommendations = answers.flatMap((answer) => answer.recommendations.map((point) => point.text));
    expect(synthesis.priorities.length).toBeGreaterThan(0);
    for (const { text } of synthesis.priorities) expect(recommendations).toContain(text);
  });

  test('throws ANSWER_UNUSABLE when there is nothing to sum up', async () => {
    const events = synthesise({ model: replay('synthesis'), topic, answers: [], signal });
    await expect(Array.fromAsync(events)).rejects.toMatchObject({ code: 'ANSWER_UNUSABLE' });
  });
});
