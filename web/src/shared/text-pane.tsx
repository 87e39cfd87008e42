import { type UIEvent, useLayoutEffect, useRef } from 'react';
import css from './text-pane.module.css';

/** A piece of text; `error` sets what went to standard error apart, `note` what nobody wrote. */
export interface TextPiece {
  readonly key: number;
  readonly text: string;
  readonly kind?: 'error' | 'note';
}

const escape = String.fromCodePoint(27);
const bell = String.fromCodePoint(7);
/** Orders to a terminal: colours and cursor moves, titles, and the short ones. */
const orders = new RegExp(
  `${escape}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${bell}${escape}]*(?:${bell}|${escape}\\\\)|[ -/]+[0-~]|[@-Z_^])`,
  'g',
);
const controls = /[\p{Cc}--[\n\t]]/gv;

/** Leaves out what a terminal would act on and a reader would stumble over: colours, cursor moves, bells. */
export const toReadable = (text: string): string => text.replaceAll(orders, '').replaceAll(controls, '');

interface TextPaneProps {
  readonly label: string;
  readonly pieces: readonly TextPiece[];
  /** Whether more may come. */
  readonly live?: boolean;
}

/** Text as a program wrote it. New text is followed only while the end is in sight, so that what is being read stays. */
export function TextPane({ label, pieces, live = false }: TextPaneProps) {
  const pane = useRef<HTMLPreElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    if (follows.current && pane.current !== null) pane.current.scrollTop = pane.current.scrollHeight;
  }, [pieces]);
  const onScroll = ({ currentTarget: { scrollTop, scrollHeight, clientHeight } }: UIEvent<HTMLPreElement>) => {
    follows.current = scrollHeight - scrollTop - clientHeight < 24;
  };
  return (
    <pre
      ref={pane}
      className={css.pane}
      tabIndex={0}
      data-live={live || undefined}
      role="log"
      aria-live="off"
      aria-label={label}
      onScroll={onScroll}
    >
      {pieces.map(({ key, text, kind }) => (
        <span key={key} data-kind={kind}>
          {toReadable(text)}
        </span>
      ))}
    </pre>
  );
}
