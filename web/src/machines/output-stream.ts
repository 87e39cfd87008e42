import { useEffect, useState } from 'react';
import type { VmProcess } from '../../../src/contracts/processes.ts';
import { createVmClient } from '../../../src/sdk/index.ts';
import type { ProcessName } from './api.ts';
import { toPageError } from './page-error.ts';
import type { TextPiece } from '../shared/text-pane.tsx';

/** What is known of the output of a process that is followed. */
export interface FollowedOutput {
  readonly pieces: readonly TextPiece[];
  /** Where the text that is shown ends. */
  readonly end: number;
  /** Set when the process has ended and all of its output is here. */
  readonly ended?: VmProcess;
  readonly error?: Error;
}

const nothing: FollowedOutput = { pieces: [], end: 0 };
/** A pane with more text than this can no longer be scrolled smoothly. */
const mostCharacters = 400_000;
const flushMs = 60;

/** Leaves the oldest text out where there is more than can be shown, and says so. */
function cut(pieces: readonly TextPiece[]): readonly TextPiece[] {
  let kept = pieces.length;
  for (let characters = 0; kept > 0; kept -= 1) {
    characters += pieces[kept - 1]?.text.length ?? 0;
    if (characters > mostCharacters) break;
  }
  if (kept === 0) return pieces;
  const note = 'Earlier output is left out here. It can be read from its offset.\n';
  return [{ key: -1, kind: 'note', text: note }, ...pieces.slice(kept)];
}

/** Follows a process from an offset for as long as the component is shown; a lost connection is taken up where it broke off. */
export function useOutput({ vmId, processId }: ProcessName, from: number): FollowedOutput {
  const [output, setOutput] = useState(nothing);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    let all = nothing;
    let flush: ReturnType<typeof setTimeout> | undefined;
    // Output comes many times a second: the page is drawn once for all that came within a blink.
    const show = (next: FollowedOutput) => {
      all = next;
      flush ??= setTimeout(() => {
        flush = undefined;
        setOutput(all);
      }, flushMs);
    };
    const follow = async () => {
      const client = createVmClient({ baseUrl: location.origin });
      for await (const event of client.processOutput({ vmId, processId }, { after: from, signal })) {
        if (event.type === 'exit') {
          show({ ...all, ended: event.process });
          continue;
        }
        const key = event.offset;
        const piece: TextPiece =
          event.type === 'output'
            ? { key, text: event.data, ...(event.stream === 'stderr' ? { kind: 'error' } : {}) }
            : { key, kind: 'note', text: `\n${event.bytes} bytes are no longer kept.\n` };
        show({ ...all, end: event.next_offset, pieces: cut([...all.pieces, piece]) });
      }
    };
    setOutput(nothing);
    follow().catch((error: unknown) => {
      if (!signal.aborted) show({ ...all, error: toPageError(error) });
    });
    return () => {
      stop.abort();
      clearTimeout(flush);
    };
  }, [vmId, processId, from]);
  return output;
}
