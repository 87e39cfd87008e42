import type { CodeRun, PerspectiveAnswer } from '../../../contracts/analysis.ts';
import { BigboxError, fromErrorBody, type ErrorBody } from '../../../contracts/errors.ts';
import type { ExecutionEvent } from '../../../contracts/execution.ts';
import type { RunEventBody } from '../../../contracts/runs.ts';
import type { RunContext } from '../../../engine/index.ts';
import type { RunRow, RunWriter } from '../../../store/index.ts';
import type { StepResult, StepScope, StepSpec } from '../../steps/step-runner.ts';
import type { CodeBlock, Draft } from './agent-calls.ts';
import { withoutRevision } from './answers.ts';
import { callModel, perspectiveOf, toBrief, type ParallelParts } from './parts.ts';
import { paths } from './paths.ts';

/** Code of a model runs at most this long; the VM service may be stricter. */
const codeTimeoutMs = 30_000;

/** Works one perspective out: a draft, its code in microVMs, and one revision when code has run. Its failure is recorded, not thrown. */
export async function workOut(parts: ParallelParts, context: RunContext, perspective: string): Promise<void> {
  const run = await parts.records.find(context.runId as RunRow['id']);
  if (run === undefined) throw new Error(`there is no run ${context.runId}`);
  const work = { parts, context, run, perspective };
  const draft = await parts.steps.run(context, draftStep(work));
  if (draft.state !== 'completed' || draft.result.codeBlocks.length === 0) return;
  const runs = await runCode(work, draft.result);
  if (runs === undefined || runs.length === 0) return;
  await parts.steps.run(context, revisionStep(work, draft.result, runs));
}

interface Work {
  readonly parts: ParallelParts;
  readonly context: RunContext;
  readonly run: RunRow;
  readonly perspective: string;
}

function announce(writer: RunWriter, perspective: string, answer: PerspectiveAnswer): Promise<void> {
  return writer.append(
    { type: 'answer-available', agent: perspective, answer },
    { type: 'agent-changed', agent: perspective, state: 'done' },
  );
}

function draftStep({ parts, run, perspective }: Work): StepSpec<Draft> {
  const brief = {
    ...toBrief(parts, run),
    perspective: perspectiveOf(parts, perspective),
    languages: parts.sandbox.languages,
  };
  return {
    runId: run.id,
    path: paths.answer(perspective),
    agent: perspective,
    kind: 'model',
    state: 'thinking',
    input: brief,
    work: (scope) => callModel(parts, { run, scope }, (options) => parts.agents.draft(brief, options)),
    async onCompleted(writer, { answer, codeBlocks }) {
      if (codeBlocks.length === 0) await announce(writer, perspective, answer);
      else await writer.addSteps(codeBlocks.length + 1);
    },
    onFailed: (writer, error) => writer.append({ type: 'agent-changed', agent: perspective, state: 'failed', error }),
  };
}

/** Runs the blocks one after the other; undefined when the run has ended meanwhile. */
async function runCode(work: Work, draft: Draft): Promise<readonly CodeRun[] | undefined> {
  const runs: CodeRun[] = [];
  for (const [index, block] of draft.codeBlocks.entries()) {
    const last = index === draft.codeBlocks.length - 1;
    const step = codeStep(work, { block, execution: index + 1 }, async (writer) => {
      if (!last || runs.length > 0) return;
      await writer.addSteps(-1);
      await announce(writer, work.perspective, withoutRevision(draft.answer, []));
    });
    const result: StepResult<CodeRun> = await work.parts.steps.run(work.context, step);
    if (result.state === 'ended') return undefined;
    if (result.state === 'completed') runs.push(result.result);
  }
  return runs;
}

function codeStep(
  { parts, run, perspective }: Work,
  { block, execution }: { readonly block: CodeBlock; readonly execution: number },
  whenFailed: (writer: RunWriter) => Promise<void>,
): StepSpec<CodeRun> {
  const agent = perspective;
  return {
    runId: run.id,
    path: paths.code(perspective, execution),
    agent,
    kind: 'code',
    state: 'running-code',
    input: block,
    work: (scope) => execute(parts, scope, { block, execution, agent, agentId: `${run.id}/${agent}` }),
    onCompleted: (writer, result) => writer.append({ type: 'code-finished', agent, execution, run: result }),
    async onFailed(writer, error) {
      await writer.append(
        { type: 'code-finished', agent, execution, error },
        { type: 'warning', message: `Code of the perspective ${agent} could not be run: ${error.message}` },
      );
      await whenFailed(writer);
    },
  };
}

interface Execution {
  readonly block: CodeBlock;
  readonly execution: number;
  readonly agent: string;
  readonly agentId: string;
}

async function execute(
  parts: ParallelParts,
  scope: StepScope,
  { block, execution, agent, agentId }: Execution,
): Promise<{ readonly result: CodeRun }> {
  await scope.emit({ type: 'code-started', agent, execution, ...block });
  const events = parts.sandbox.execute({ ...block, agentId, timeoutMs: codeTimeoutMs, signal: scope.signal });
  for await (const event of events) {
    if (event.type === 'execution-finished') return { result: { ...block, result: event.result } };
    if (event.type === 'execution-failed') throw fromErrorBody(event.error);
    const output = toOutput(event, { agent, execution });
    if (output !== undefined) await scope.emit(output);
  }
  scope.signal.throwIfAborted();
  throw new BigboxError('VM_LOST', { message: 'The execution ended without a result.' });
}

function toOutput(
  event: ExecutionEvent,
  of: { readonly agent: string; readonly execution: number },
): RunEventBody | undefined {
  if (event.type !== 'output-delta') return undefined;
  return { type: 'code-output', ...of, stream: event.stream, text: event.text };
}

function revisionStep(work: Work, draft: Draft, runs: readonly CodeRun[]): StepSpec<PerspectiveAnswer> {
  const { parts, run, perspective } = work;
  const brief = { ...toBrief(parts, run), perspective: perspectiveOf(parts, perspective), draft, runs };
  return {
    runId: run.id,
    path: paths.revision(perspective),
    agent: perspective,
    kind: 'model',
    state: 'revising',
    input: brief,
    work: (scope) => callModel(parts, { run, scope }, (options) => parts.agents.revise(brief, options)),
    onCompleted: (writer, answer) => announce(writer, perspective, answer),
    async onFailed(writer: RunWriter, error: ErrorBody) {
      const message = `The answer of the perspective ${perspective} stays as it was before its code ran: ${error.message}`;
      await writer.append({ type: 'warning', message });
      await announce(writer, perspective, withoutRevision(draft.answer, runs));
    },
  };
}
