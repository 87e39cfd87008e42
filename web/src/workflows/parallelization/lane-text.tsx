import { useLayoutEffect, useRef, useState } from 'react';
import type { LaneView } from '../../shared/run-view.ts';
import { groupPieces, streamedPieces, toHeading } from '../../shared/streamed-text.ts';
import css from './lane-text.module.css';

/** Fields of an answer that are no text: opinions, which have their own labelled place, and names of languages. */
const hidden = new Set([
  'confidence',
  'language',
  'risk_level',
  'implementation_difficulty',
  'innovation_potential',
  'user_impact',
  'strategic_value',
]);

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

function Pieces({ text }: { readonly text: string }) {
  const groups = groupPieces(streamedPieces(text).filter((piece) => !hidden.has(piece.key)));
  return groups.map((group, index) => (
    <div key={`${group.key}-${index}`} className={css.group}>
      {group.key === '' ? null : <h3 className={css.key}>{toHeading(group.key)}</h3>}
      {group.texts.length === 1 ? (
        <p className={group.key === 'code' ? css.code : undefined}>{group.texts[0]}</p>
      ) : (
        <ul className={css.list}>
          {group.texts.map((one, at) => (
            <li key={at}>{one}</li>
          ))}
        </ul>
      )}
    </div>
  ));
}

/** The text of a lane as it is written, as words and not as the JSON that carries it. */
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
        <Pieces text={lane.text} />
      </div>
      {open || overflows ? (
        <button type="button" className={css.more} onClick={() => setOpen(!open)} aria-expanded={open}>
          {open ? 'Show the last lines' : 'Show all'}
        </button>
      ) : null}
    </div>
  );
}
