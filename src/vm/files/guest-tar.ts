import { BigboxError } from '../../contracts/errors.ts';
import { Ending, type ExecEvent, type Exit } from '../../guest/index.ts';
import { abortable } from '../../lib/async.ts';
import { toGuestFailure, toUnreachable } from '../machine/guest-failure.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { toParts } from '../processes/process-program.ts';

export interface TarRun {
  readonly argv: readonly string[];
  /** Where it works. No path is ever an argument. */
  readonly folder: string;
  readonly readsInput: boolean;
}

const startTimeoutMs = 10_000;
const stopTimeoutMs = 10_000;
const keptWords = 2000;
/** 1: a file changed while it was read, as files of a machine that runs do. */
const highestGoodCode = 1;

/** The program tar in a guest, run by the user without rights; what it writes and reads goes as fast as the slower side. */
export class GuestTar {
  readonly #vm: VirtualMachine;
  readonly #folder: string;
  readonly #events: AsyncIterator<ExecEvent>;
  readonly #id: bigint;

  private constructor(vm: VirtualMachine, { folder, events, id }: Started) {
    this.#vm = vm;
    this.#folder = folder;
    this.#events = events;
    this.#id = id;
  }

  /** The signal ends it whenever it aborts. Throws GUEST_FILE_ERROR where there is no such folder, LIMIT_EXCEEDED, VM_LOST, GUEST_UNREACHABLE. */
  static async start(vm: VirtualMachine, { argv, folder, readsInput }: TarRun, signal: AbortSignal): Promise<GuestTar> {
    const request = { argv: [...argv], cwd: folder, user: 'sandbox', keepStdin: readsInput };
    const events = vm.agent.exec(request, { signal })[Symbol.asyncIterator]();
    using patience = vm.runningTimeout(startTimeoutMs);
    try {
      const { value } = await abortable(events.next(), patience.signal);
      if (value?.event.case !== 'started') throw toUnreachable(vm, 'it did not confirm the start of tar', undefined);
      return new GuestTar(vm, { folder, events, id: value.event.value.id });
    } catch (error) {
      const failure = error instanceof BigboxError ? error : await toGuestFailure(error, vm);
      throw failure.code === 'INVALID_REQUEST' ? refuse(folder, failure.message, error) : failure;
    }
  }

  /**
   * What it writes, until it has ended; read whatever it does. Throws GUEST_FILE_ERROR with its own words where it fails, VM_LOST,
   * GUEST_UNREACHABLE. Nothing of it goes on when this has ended.
   */
  async *output(): AsyncGenerator<Uint8Array> {
    const words = new Words();
    let exit: Exit | undefined;
    try {
      for await (const { event } of { [Symbol.asyncIterator]: () => this.#events }) {
        if (event.case === 'stdout') yield event.value.data;
        if (event.case === 'stderr') words.add(event.value.data);
        if (event.case === 'exit') exit = event.value;
      }
      if (exit === undefined) throw toUnreachable(this.#vm, 'it did not report the end of tar', undefined);
    } catch (error) {
      throw error instanceof BigboxError ? error : await toGuestFailure(error, this.#vm);
    } finally {
      if (exit === undefined) this.#stop();
    }
    if (exit.ending === Ending.EXITED && exit.code <= highestGoodCode) return;
    throw refuse(this.#folder, words.said === '' ? `tar ended with ${exit.code}` : words.said, undefined);
  }

  /** Writes to its input and ends that. Throws a ConnectError where it reads no more, and what the content throws. */
  async feed(content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const id = this.#id;
    async function* parts(): ReturnType<typeof toParts> {
      for await (const data of content) yield* toParts(id, data, false);
      yield* toParts(id, new Uint8Array(), true);
    }
    await this.#vm.agent.stdin(parts(), { signal });
  }

  /** A paused guest obeys when it is resumed, so the order is not taken back before. */
  #stop(): void {
    const terms = this.#vm.isPaused ? {} : { timeoutMs: stopTimeoutMs };
    // Where the machine is gone nothing is left to be stopped.
    this.#vm.agent.stopTree({ id: this.#id }, terms).catch(() => undefined);
  }
}

interface Started {
  readonly folder: string;
  readonly events: AsyncIterator<ExecEvent>;
  readonly id: bigint;
}

/** The last that it said about what went wrong. */
class Words {
  readonly #decoder = new TextDecoder();
  #text = '';

  add(data: Uint8Array): void {
    this.#text = (this.#text + this.#decoder.decode(data, { stream: true })).slice(-keptWords);
  }

  /** On one line. */
  get said(): string {
    return this.#text.trim().replaceAll(/\s*\n\s*/g, '; ');
  }
}

const refuse = (folder: string, reason: string, cause: unknown): BigboxError =>
  new BigboxError('GUEST_FILE_ERROR', {
    message: `${folder}: ${reason.replace(/\.$/, '')}.`,
    context: { path: folder },
    cause,
  });
