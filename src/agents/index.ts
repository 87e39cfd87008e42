export { type CodeBlock, extractCodeBlocks } from './code-blocks.ts';
