import { useComputedColorScheme } from '@mantine/core';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'react';
import { type TerminalInput, createTerminalInput, createVmClient } from '../../../src/sdk/index.ts';
import { Failure } from '../shared/states.tsx';
import type { ProcessName } from './api.ts';
import { toPageError } from './page-error.ts';
import css from './terminal.module.css';

/** The colours of the page, as the terminal takes them. */
function themeOf(element: Element): NonNullable<Terminal['options']['theme']> {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    background: read('--ground-surface'),
    foreground: read('--ink-text'),
    cursor: read('--ink-accent'),
    cursorAccent: read('--ground-surface'),
    selectionBackground: `${read('--ink-accent')}55`,
    red: read('--ink-failed'),
    green: read('--ink-done'),
    yellow: read('--ink-waiting'),
    blue: read('--ink-accent'),
  };
}

interface Session {
  readonly name: ProcessName;
  readonly onError: (error: Error) => void;
}

/** Shows the output of the process from its beginning and hands keys and sizes on. Gives what ends it. */
function connect(terminal: Terminal, { name, onError }: Session): () => void {
  const client = createVmClient({ baseUrl: location.origin });
  const stop = new AbortController();
  const input: TerminalInput = createTerminalInput(client, name);
  const fail = (error: unknown) => {
    if (!stop.signal.aborted) onError(toPageError(error));
  };
  const follow = async () => {
    let isOver = false;
    for await (const event of client.processOutput(name, { encoding: 'base64', signal: stop.signal })) {
      if (event.type === 'output')
        terminal.write(Uint8Array.from(atob(event.data), (character) => character.charCodeAt(0)));
      isOver = event.type === 'exit';
    }
    if (isOver) terminal.options.disableStdin = true;
  };
  follow().catch(fail);
  input.failed.catch(fail);
  terminal.onData(input.type);
  terminal.onResize(({ rows, cols }) => {
    if (terminal.options.disableStdin !== true) input.resize({ rows, cols });
  });
  return () => stop.abort();
}

/** A terminal for a process that runs on one in its VM. */
export function TerminalView({ name }: { readonly name: ProcessName }) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<Terminal>(null);
  const [error, setError] = useState<Error>();
  const scheme = useComputedColorScheme('light');
  const { vmId, processId } = name;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const terminal = new Terminal({
      fontFamily: "'JetBrains Mono Variable', monospace",
      fontSize: 13,
      // The bright colours are made for dark grounds alone.
      drawBoldTextInBrightColors: false,
      scrollback: 5000,
      theme: themeOf(element),
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(element);
    // Tab belongs to the shell: without another way out the keyboard could not leave the terminal.
    terminal.attachCustomKeyEventHandler((event) => {
      if (event.key !== 'Escape' || !event.shiftKey) return true;
      terminal.blur();
      return false;
    });
    shown.current = terminal;
    const disconnect = connect(terminal, { name: { vmId, processId }, onError: setError });
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(element);
    terminal.focus();
    return () => {
      observer.disconnect();
      disconnect();
      terminal.dispose();
    };
  }, [vmId, processId]);
  useEffect(() => {
    if (shown.current !== null && place.current !== null) shown.current.options.theme = themeOf(place.current);
  }, [scheme]);
  return (
    <>
      <div className={css.frame}>
        <div ref={place} className={css.terminal} aria-label="Terminal" role="group" />
      </div>
      <p className={css.fine}>Shift and Escape leave the terminal, where Tab belongs to the shell.</p>
      {error === undefined ? null : <Failure error={error} />}
    </>
  );
}
