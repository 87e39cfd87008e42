import type { Language } from '../../contracts/execution.ts';

/** One rule on code that is about to run. Rules are applied in their order; each sees what those before it changed. */
export interface CodeRule {
  readonly name: string;
  readonly pattern: RegExp;
  /** Languages that it looks at; all where absent. */
  readonly languages?: readonly Language[];
  /** `warn` lets the code run and says so; `ask` lets it run when a person approved; `block` does not; `modify` replaces what matches. */
  readonly decision: 'warn' | 'ask' | 'block' | 'modify';
  /** What a person should know: one sentence. */
  readonly reason: string;
  /** What stands in the place of every match, as in String.replace; for `modify`. */
  readonly replacement?: string;
}

const common = {
  'recursive-delete': [
    /\brm\s+(?:-\w+\s+)*-\w*r\w*\s+(?:-\w+\s+)*\/(?:\s|$|\*)/m,
    'It deletes the root directory with all that is below.',
  ],
  'format-disk': [/\bmkfs(?:\.\w+)?\s/, 'It formats a disk.'],
  'overwrite-device': [/\bdd\b[^\n]{0,200}\bof=\/dev\/(?:[sv]d|nvme|mem)/, 'It overwrites a disk or memory device.'],
  'fork-bomb': [/:\s*\(\s*\)\s*\{\s*:\s*\|\s*:\s*&\s*\}\s*;\s*:/, 'It starts processes without end.'],
  'download-and-run': [
    /\b(?:curl|wget)\b[^\n|]{0,500}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b/,
    'It runs what it downloads, unseen.',
  ],
  'open-permissions': [/\bchmod\s+(?:-\w+\s+)*0?777\s+\/(?:\s|$)/m, 'It opens the whole file system to everybody.'],
  'power-off': [/^\s*(?:sudo\s+)?(?:shutdown|poweroff|halt|reboot)\b/m, 'It switches the VM off.'],
} as const satisfies Readonly<Record<string, readonly [RegExp, string]>>;

/**
 * Rules on what honest code seldom does. They are advice for people who read along and no wall: whoever wants to gets past them, and
 * the wall is the VM.
 */
export const dangerousPatterns = (decision: 'warn' | 'ask' | 'block'): readonly CodeRule[] =>
  Object.entries(common).map(([name, [pattern, reason]]) => ({ name, pattern, decision, reason }));
