import { BigboxError, toErrorBody } from '../contracts/errors.ts';
import type { RunId } from '../contracts/ids.ts';
import type { RunContext, Workflow } from '../engine/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { RunRecords } from '../store/index.ts';

export interface GuardOptions {
  readonly records: RunRecords;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** So often a run may meet a fault of ours before it is ended; the engine would try for ever. */
const maxFaults = 5;

/**
 * Looks after a workflow's attempts: says when a run goes on after its attempt was broken off, and ends a run that meets the
 * same fault again and again.
 */
export function guardWorkflow(workflow: Workflow, options: GuardOptions): Workflow {
  const faults = new Map<string, number>();
  const attempted = new Set<string>();

  const guard = async (context: RunContext, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      faults.delete(context.runId);
    } catch (error) {
      if (context.signal.aborted) throw error;
      const count = (faults.get(context.runId) ?? 0) + 1;
      faults.set(context.runId, count);
      options.logger.error({ err: error, run: context.runId, count }, 'a run met a fault');
      if (count < maxFaults) throw error;
      await endRun(options, context.runId as RunId, error);
    }
  };

  return {
    ...workflow,
    async run(context) {
      if (attempted.has(context.runId)) await noteResumption(options, context.runId as RunId);
      attempted.add(context.runId);
      await guard(context, () => workflow.run(context));
      attempted.delete(context.runId);
    },
    branch: (context, name) => guard(context, () => workflow.branch(context, name)),
  };
}

async function noteResumption({ records, clock }: GuardOptions, id: RunId): Promise<void> {
  const run = await records.find(id);
  if (run?.state !== 'running') return;
  const reason = 'The engine was restarted.';
  await records.write({ id, at: clock.now() }, (writer) => writer.append({ type: 'run-resumed', reason }));
}

function endRun({ records, clock }: GuardOptions, id: RunId, cause: unknown): Promise<void> {
  const error = new BigboxError('INTERNAL', {
    message: 'The run met the same fault again and again and was ended.',
    cause,
  });
  return records.write({ id, at: clock.now() }, (writer) =>
    writer.finish({ state: 'failed', error: toErrorBody(error) }),
  );
}
