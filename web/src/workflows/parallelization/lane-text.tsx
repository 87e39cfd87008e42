import { useLayoutEffect, useRef, useState } from 'react';
import type { LaneView } from '../../shared/run-view.ts';
import { type TextBlock, toBlocks } from '../../shared/readable-text.ts';
import css from './lane-text.module.css';

/** Keeps the end in view while text comes, unless the reader has scrolled away from it. */
function useFollowedEnd(text: string) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [overflows, setOverflows] = useState(false);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    setOverflows(element.scrollHeight > element.clientHeight + 4);
    if (follows.current) element.scrollTop = element.scrollHeight;
  }, [text]);
  const onScroll = () => {
    const element = box.current;
    if (element !== null) follows.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  };
  return { box, overflows, onScroll };
}

function Block({ block }: { readonly block: TextBlock }) {
  if (block.kind === 'list')
    return (
      <ul className={css.list}>
        {block.items.map((one, index) => (
          <li key={index}>{one}</li>
        ))}
      </ul>
    );
  if (block.kind === 'heading') return <h3 className={css.heading}>{block.text}</h3>;
  if (block.kind === 'code') return <pre className={css.code}>{block.text}</pre>;
  return <p>{block.text}</p>;
}

/** The text of a lane as it is written, with its titles, lists and code. */
export function LaneText({ lane, agentName }: { readonly lane: LaneView; readonly agentName: string }) {
  const [open, setOpen] = useState(false);
  const { box, overflows, onScroll } = useFollowedEnd(lane.text);
  if (lane.text.trim() === '') return null;
  const writing = lane.state === 'thinking' || lane.state === 'revising';
  return (
    <div className={css.frame}>
      <div
        ref={box}
        className={css.text}
        data-open={open || undefined}
        data-cut={overflows || undefined}
        data-writing={writing || undefined}
        onScroll={onScroll}
        tabIndex={0}
        role="region"
        aria-label={`Text of ${agentName}`}
      >
        {toBlocks(lane.text).map((block, index) => (
          <Block key={index} block={block} />
        ))}
      </div>
      {open || overflows ? (
        <button type="button" className={css.more} onClick={() => setOpen(!open)} aria-expanded={open}>
          {open ? 'Show the last lines' : 'Show all'}
        </button>
      ) : null}
    </div>
  );
}
