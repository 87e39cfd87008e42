import { Interrupted } from './output/error.ts';

/**
 * Runs work with a signal that Ctrl-C and SIGTERM abort. A second Ctrl-C ends the process at once.
 * Throws Interrupted when the work ended because of it.
 */
export async function interruptible<TResult>(work: (signal: AbortSignal) => Promise<TResult>): Promise<TResult> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Interrupted());
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
