import type { Readable, Writable } from 'node:stream';
import { BigboxError } from '../../contracts/errors.ts';
import type { Attachment } from '../../sdk/index.ts';
import type { EndInVm } from './run-in-vm.ts';
import { writeTo } from './write-to.ts';

const endAgainMs = 1000;

/** Where a person sits. What is no terminal is read and written as it is. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
  readonly output: Writable;
  readonly onResize: () => void;
}

/** Hands every key on as it is, Ctrl-C too; disposing gives the terminal back, and so does the end of this process. */
function takeTerminal({ input, output, onResize }: Terminal): Disposable {
  const setRaw = (isRaw: boolean): void => void (input.isTTY === true && input.setRawMode?.(isRaw));
  const restore = (): void => setRaw(false);
  process.once('exit', restore);
  setRaw(true);
  output.on('resize', onResize);
  return {
    [Symbol.dispose]: () => {
      output.off('resize', onResize);
      input.pause();
      restore();
      process.off('exit', restore);
    },
  };
}

/** Connects a terminal with an attached process until that ends. Throws what the connection throws; the terminal is given back. */
export async function useTerminal(terminal: Terminal, attachment: Attachment): Promise<EndInVm> {
  const { input, output } = terminal;
  const onInput = (data: Uint8Array): void => attachment.write(data);
  let ending: NodeJS.Timeout | undefined;
  const end = (): void => attachment.order({ type: 'end' });
  // A shell that still starts may drop the end of its input with what it had not read.
  const onEnd = (): void => {
    end();
    ending = setInterval(end, endAgainMs);
  };
  using _taken = takeTerminal(terminal);
  input.on('data', onInput).once('end', onEnd);
  let lostBytes = 0;
  try {
    for await (const event of attachment.events) {
      if (event.type === 'output') await writeTo(output, event.data);
      if (event.type === 'dropped') lostBytes += event.next_offset - event.offset;
      if (event.type === 'error') process.stderr.write(`warning: ${event.error.message}\r\n`);
      if (event.type === 'exit') return { process: event.process, lostBytes };
    }
  } finally {
    clearInterval(ending);
    input.off('data', onInput).off('end', onEnd);
  }
  throw new BigboxError('VM_UNAVAILABLE', { message: 'The VM service broke off before the shell had ended.' });
}
