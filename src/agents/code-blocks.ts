/** One fenced block of code in a text. `language` is the fence's label in lower case, `text` where it has none. */
export interface CodeBlock {
  readonly language: string;
  readonly code: string;
}

interface OpenFence {
  readonly marker: string;
  readonly indent: number;
  readonly language: string;
  readonly lines: string[];
}

const fenceLine = /^( {0,3})(`{3,}|~{3,})(.*)$/;

/**
 * Finds the fenced code of a Markdown text: in the order of the text, each block once, empty blocks left out. Follows
 * CommonMark: a fence closes with at least as many of the same character, and one that never closes runs to the end of the
 * text. Nothing is guessed from lines outside of fences.
 */
export function extractCodeBlocks(markdownText: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: OpenFence | undefined;
  for (const line of markdownText.split(/\r\n|\n|\r/)) {
    if (open === undefined) open = parseOpening(line);
    else if (isClosing(line, open.marker)) {
      addBlock(blocks, open);
      open = undefined;
    } else open.lines.push(removeIndent(line, open.indent));
  }
  if (open !== undefined) addBlock(blocks, open);
  return blocks;
}

function parseOpening(line: string): OpenFence | undefined {
  const match = fenceLine.exec(line);
  if (match === null) return undefined;
  const [, indent = '', marker = '', info = ''] = match;
  if (marker.startsWith('`') && info.includes('`')) return undefined;
  return { marker, indent: indent.length, language: toLabel(info), lines: [] };
}

function isClosing(line: string, marker: string): boolean {
  const match = fenceLine.exec(line);
  if (match === null) return false;
  const [, , closing = '', rest = ''] = match;
  return closing[0] === marker[0] && closing.length >= marker.length && rest.trim() === '';
}

/** The first word of the info string without decoration: `{.python .numberLines}`, `python title="x"` and `Python` are `python`. */
function toLabel(info: string): string {
  const word = /[^\s{}.,:=]+/.exec(info)?.[0] ?? '';
  return word === '' ? 'text' : word.toLowerCase();
}

function removeIndent(line: string, indent: number): string {
  let removed = 0;
  while (removed < indent && line[removed] === ' ') removed += 1;
  return line.slice(removed);
}

function addBlock(blocks: CodeBlock[], fence: OpenFence): void {
  const code = fence.lines.join('\n');
  if (code.trim() !== '') blocks.push({ language: fence.language, code });
}
