import type { Agent, Client } from '../../guest/index.ts';
import { GuardedContent } from '../../lib/guarded-content.ts';

type AgentClient = Client<typeof Agent>;
type WritePart = Parameters<AgentClient['writeFile']>[0] extends AsyncIterable<infer TPart> ? TPart : never;

const chunkBytes = 65_536;

export interface FileToWrite {
  readonly path: string;
  /** Exactly `size` bytes: an end before them is no file. */
  readonly content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  readonly size: number;
  readonly mode: number;
  readonly makeParents: boolean;
  /** Adds to the end; what came before a failure stays in the file. */
  readonly append?: boolean;
}

/** Writes a file of the user without rights; it appears whole or not at all. Throws a ConnectError, and what the content throws. */
export async function writeGuestFile(agent: AgentClient, file: FileToWrite, signal: AbortSignal): Promise<void> {
  const { path, size, mode, makeParents, append = false } = file;
  const header = { path, mode, user: 'sandbox', makeParents, size: BigInt(size), append };
  const content = new GuardedContent(file.content);
  async function* parts(): AsyncGenerator<WritePart> {
    yield { part: { case: 'header', value: header } };
    for await (const data of content)
      for (let offset = 0; offset < data.length; offset += chunkBytes)
        yield { part: { case: 'data', value: data.subarray(offset, offset + chunkBytes) } };
  }
  try {
    await agent.writeFile(parts(), { signal: AbortSignal.any([signal, content.signal]) });
  } catch (error) {
    content.assertWhole();
    throw error;
  }
}
