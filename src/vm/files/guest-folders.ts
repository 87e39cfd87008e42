import { Readable } from 'node:stream';
import { GuardedContent } from '../../lib/guarded-content.ts';
import type { Limits } from '../limits/limits.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { explain } from './guest-file-failure.ts';
import { GuestTar } from './guest-tar.ts';

/** An archive without what may not be read would look whole, and its end cannot tell any more what is missing. */
const packScript = `
hidden=$(find . \\( -type d ! \\( -readable -executable \\) -o -type f ! -readable \\) -print -quit 2>/dev/null)
if [ -n "$hidden" ]; then echo "$hidden may not be read by $(id -un)" >&2; exit 2; fi
exec tar --create --file=- --format=gnu .
`;
const unpackArguments = [
  'tar',
  '--extract',
  '--file=-',
  '--preserve-permissions',
  '--no-same-owner',
  '--no-overwrite-dir',
];

/** Whole folders of one VM as tar archives. Everything throws GUEST_FILE_ERROR where the guest refuses, VM_LOST, GUEST_UNREACHABLE. */
export class GuestFolders {
  readonly #vm: VirtualMachine;
  readonly #limits: Limits;

  constructor(vm: VirtualMachine, limits: Limits) {
    this.#vm = vm;
    this.#limits = limits;
  }

  /**
   * What is in a folder, as an archive of names that begin with `./`. What is wrong from the start is thrown; what goes wrong later
   * ends the stream with an error. Destroyed by the caller.
   */
  async pack(path: string, signal: AbortSignal): Promise<Readable> {
    const left = new AbortController();
    const any = AbortSignal.any([signal, left.signal]);
    const argv = ['bash', '-c', packScript];
    const tar = await GuestTar.start(this.#vm, { argv, folder: path, readsInput: false }, any);
    const parts = tar.output();
    const first = await parts.next();
    return Readable.from(joined(first, parts), { objectMode: false }).once('close', () => {
      left.abort();
      void parts.return(undefined);
    });
  }

  /**
   * Puts what is in an archive into a folder, which is made where it is missing; gives the bytes of the archive. What is there and not
   * in the archive stays. What was unpacked before a failure stays too. Throws BODY_TOO_LARGE beside, and what the content throws.
   */
  async unpack(path: string, archive: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number> {
    await explain(path, () => this.#vm.agent.makeDirectory({ path, user: 'sandbox' }, { signal }));
    const content = new GuardedContent(archive, (bytes) => this.#limits.assertUpload(bytes));
    const any = AbortSignal.any([signal, content.signal]);
    const tar = await GuestTar.start(this.#vm, { argv: unpackArguments, folder: path, readsInput: true }, any);
    // Whichever of the two fails, what tar says about it counts more than that it no longer reads.
    const [ended, fed] = await Promise.allSettled([drain(tar.output()), tar.feed(content, any)]);
    content.assertWhole();
    if (ended.status === 'rejected') throw ended.reason;
    if (fed.status === 'rejected') await explain(path, () => Promise.reject(fed.reason as Error));
    return content.bytes;
  }
}

async function* joined(
  first: IteratorResult<Uint8Array>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done !== true) yield first.value;
  yield* rest;
}

async function drain(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of parts);
}
