import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { VmProcess } from '../../contracts/processes.ts';
import type { AttachEvent, Attachment } from '../../sdk/index.ts';
import { useTerminal } from './use-terminal.ts';

interface Script {
  readonly terminal: Parameters<typeof useTerminal>[0];
  readonly modes: boolean[];
  readonly written: string[];
  readonly attach: (events: AsyncIterable<AttachEvent>) => Attachment;
}

function createScript(): Script {
  const modes: boolean[] = [];
  const written: string[] = [];
  const setRawMode = (isRaw: boolean): void => void modes.push(isRaw);
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode });
  const write = (data: Uint8Array): void => void written.push(Buffer.from(data).toString());
  return {
    terminal: { input, output: new PassThrough(), onResize: () => written.push('resize') },
    modes,
    written,
    attach: (events) => ({ events, write, order: ({ type }) => void written.push(type) }),
  };
}

const exit: AttachEvent = { type: 'exit', process: { id: 'proc-1', exit_code: 3 } as VmProcess };

test('hands keys, sizes and output on, and gives the terminal back', async () => {
  const { terminal, modes, written, attach } = createScript();
  async function* events(): AsyncGenerator<AttachEvent> {
    terminal.output.emit('resize');
    const isRead = once(terminal.input, 'data');
    (terminal.input as PassThrough).write('ls\n');
    await isRead;
    yield { type: 'output', data: Buffer.from('hello') };
    yield { type: 'dropped', offset: 5, next_offset: 9 };
    yield exit;
  }
  await expect(useTerminal(terminal, attach(events()))).resolves.toMatchObject({ lostBytes: 4 });
  terminal.output.end();
  expect(await text(terminal.output as PassThrough)).toBe('hello');
  expect(written).toEqual(['resize', 'ls\n']);
  expect(modes).toEqual([true, false]);
});

test('gives the terminal back when the connection breaks', async () => {
  const { terminal, modes, attach } = createScript();
  // oxlint-disable-next-line require-yield
  async function* events(): AsyncGenerator<AttachEvent> {
    throw new Error('broken');
  }
  await expect(useTerminal(terminal, attach(events()))).rejects.toThrow('broken');
  expect(modes).toEqual([true, false]);
  expect(terminal.input.listenerCount('data')).toBe(0);
});
