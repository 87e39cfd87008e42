import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { extractCodeBlocks } from './code-blocks.ts';

describe('extractCodeBlocks()', () => {
  test('keeps the order of the text and takes each block once', () => {
    const text = 'First:\n```bash\necho a\n```\nthen\n```Python\nx = 1\nprint(x)\n```\nand python3 -c "no" inline.';
    expect(extractCodeBlocks(text)).toEqual([
      { language: 'bash', code: 'echo a' },
      { language: 'python', code: 'x = 1\nprint(x)' },
    ]);
  });

  test('does not guess from lines that look like code', () => {
    expect(extractCodeBlocks('x = 5\npython main.py\nnode server.js')).toEqual([]);
  });

  test('keeps shorter fences inside longer ones as text', () => {
    expect(extractCodeBlocks('````markdown\n```js\n1\n```\n````')).toEqual([
      { language: 'markdown', code: '```js\n1\n```' },
    ]);
  });

  test('takes an unlabelled block as text and leaves empty ones out', () => {
    expect(extractCodeBlocks('```\nplain\n```\n```python\n\n```')).toEqual([{ language: 'text', code: 'plain' }]);
  });

  test('reads tildes, decorated labels, indented fences and Windows line ends', () => {
    expect(extractCodeBlocks('~~~ {.python .numberLines}\r\na\r\n~~~\r\n  ```js title="x"\n    b\n  ```')).toEqual([
      { language: 'python', code: 'a' },
      { language: 'js', code: '  b' },
    ]);
  });

  test('runs an unclosed fence to the end of the text', () => {
    expect(extractCodeBlocks('```python\nprint(1)\n')).toEqual([{ language: 'python', code: 'print(1)\n' }]);
  });

  test('gives back exactly what was fenced, whatever it was', () => {
    const line = fc.string().filter((text) => !/[\r\n]/.test(text) && !/^ {0,3}(`{3,}|~{3,})/.test(text));
    const block = fc
      .array(line, { minLength: 1 })
      .map((lines) => lines.join('\n'))
      .filter((code) => code.trim() !== '');
    fc.assert(
      fc.property(fc.array(block), (codes) => {
        const text = codes.map((code) => `Some words\n\`\`\`python\n${code}\n\`\`\`\n`).join('');
        expect(extractCodeBlocks(text)).toEqual(codes.map((code) => ({ language: 'python', code })));
      }),
    );
  });
});
