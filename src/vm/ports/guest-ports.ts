import { type Duplex, PassThrough } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import { BigboxError } from '../../contracts/errors.ts';
import type { VmPort } from '../../contracts/vm-ports.ts';
import type { Agent, Client, ListeningPort } from '../../guest/index.ts';
import { toGuestFailure } from '../machine/guest-failure.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { PortStream } from './port-stream.ts';

type DialPart = Parameters<Client<typeof Agent>['dial']>[0] extends AsyncIterable<infer TPart> ? TPart : never;

const patienceMs = 10_000;
/** What one message to the guest carries at most. */
const chunkBytes = 64 << 10;

/** The TCP ports that programs in one VM listen on, reached through its agent: the guest needs no network for it. */
export class GuestPorts {
  readonly #vm: VirtualMachine;

  constructor(vm: VirtualMachine) {
    this.#vm = vm;
  }

  /** Sorted by number. Throws VM_LOST, GUEST_UNREACHABLE. */
  async list(): Promise<readonly VmPort[]> {
    using patience = this.#vm.runningTimeout(patienceMs);
    try {
      const { ports } = await this.#vm.agent.listeningPorts({}, { signal: patience.signal });
      return ports.map(toVmPort).toSorted((left, right) => left.port - right.port);
    } catch (error) {
      throw await toGuestFailure(error, this.#vm);
    }
  }

  /**
   * Connects to a port of the guest's loopback interface. The stream is the connection: its end is passed on in either direction, it
   * holds its writer up as the program does, and it breaks when the VM ends. Destroyed by the caller. Throws PORT_UNREACHABLE when
   * nobody listens, VM_LOST, GUEST_UNREACHABLE.
   */
  async connect(port: number): Promise<Duplex> {
    const left = new AbortController();
    const input = new PassThrough();
    const answers = this.#vm.agent.dial(toParts(port, input), { signal: left.signal })[Symbol.asyncIterator]();
    try {
      using patience = this.#vm.runningTimeout(patienceMs);
      patience.signal.addEventListener('abort', () => left.abort(patience.signal.reason));
      await answers.next();
    } catch (error) {
      left.abort();
      input.destroy();
      throw await this.#toFailure(error, port);
    }
    return new PortStream(input, answers, () => left.abort());
  }

  async #toFailure(error: unknown, port: number): Promise<BigboxError> {
    const isRefused =
      error instanceof ConnectError && error.code === Code.Unavailable && error.rawMessage.startsWith('port ');
    if (!isRefused) return toGuestFailure(error, this.#vm);
    return new BigboxError('PORT_UNREACHABLE', {
      message: `Nothing answers on port ${port} of the VM ${this.#vm.id}.`,
      context: { vm_id: this.#vm.id, port },
      cause: error,
    });
  }
}

async function* toParts(port: number, input: AsyncIterable<Buffer>): AsyncGenerator<DialPart> {
  yield { part: { case: 'port', value: port } };
  for await (const data of input)
    for (let at = 0; at < data.length; at += chunkBytes)
      yield { part: { case: 'data', value: data.subarray(at, at + chunkBytes) } };
}

const toVmPort = ({ port, address, pid, program }: ListeningPort): VmPort => ({
  port,
  address,
  ...(pid === 0 ? {} : { guest_pid: pid, program }),
});
