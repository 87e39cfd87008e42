import type { TerminalSize } from '../contracts/processes.ts';
import type { ProcessAddress, ProcessClient } from './processes.ts';

const shortestQuietMs = 8;

/** The keyboard's side of a terminal. Everything throws the server's errors through `failed`. */
export interface TerminalInput {
  /** What is typed goes out in its order, what comes while a call is under way in one piece. */
  readonly type: (text: string) => void;
  /** The last size wins. */
  readonly resize: (size: TerminalSize) => void;
  /** Rejects with the first call that failed. */
  readonly failed: Promise<never>;
}

/** Speaks to the terminal of a process, where there is no WebSocket to it. */
export function createTerminalInput(
  client: Pick<ProcessClient, 'writeStdin' | 'resizeProcess'>,
  address: ProcessAddress,
): TerminalInput {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  let waiting = '';
  let size: TerminalSize | undefined;
  let isBusy = false;
  const work = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      await new Promise((resolve) => setTimeout(resolve, shortestQuietMs));
      while (waiting !== '' || size !== undefined) {
        const [data, next] = [waiting, size];
        waiting = '';
        size = undefined;
        if (data !== '') await client.writeStdin(address, { data });
        if (next !== undefined) await client.resizeProcess(address, next);
      }
    } catch (error) {
      reject(error);
    } finally {
      isBusy = false;
    }
  };
  return {
    failed,
    type(text) {
      waiting += text;
      void work();
    },
    resize(next) {
      size = next;
      void work();
    },
  };
}
