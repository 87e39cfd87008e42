import { describe, expect, test } from 'vitest';
import type { CodeRun, PerspectiveAnswer } from '../contracts/analysis.ts';
import { extractCodeBlocks } from './code-blocks.ts';
import { answerToMarkdown, synthesisToMarkdown } from './markdown.ts';

const run: CodeRun = {
  language: 'python',
  code: 'print("```")',
  result: {
    execution_id: 'exec-1',
    vm_id: 'vm-1',
    vm_type: 'bigbox-base',
    outcome: 'exited',
    exit_code: 0,
    stdout: '```\n',
    stderr: '',
    truncated: false,
    duration_ms: 5,
    started_at: '',
    completed_at: '',
    warnings: [],
  },
};
const answer: PerspectiveAnswer = {
  perspective: 'critical',
  summary: 'It may fail.',
  key_points: [{ id: 'critical.key-points.1', text: 'Shops lose deliveries.' }],
  insights: [],
  recommendations: [],
  opinion: {
    confidence: 0.6,
    matrix: {
      risk_level: 'high',
      implementation_difficulty: 'low',
      innovation_potential: 'low',
      user_impact: 'high',
      strategic_value: 'medium',
    },
  },
  code_runs: [],
  revised: false,
};

describe('answerToMarkdown()', () => {
  test('writes summary, lists that have entries, and the opinion under its label', () => {
    expect(answerToMarkdown(answer)).toBe(
      "It may fail.\n\n### Key points\n\n- Shops lose deliveries.\n\n*The model's own opinion, not a measurement: confidence 0.6; risk level high, implementation difficulty low, innovation potential low, user impact high, strategic value medium.*",
    );
  });

  test('fences code and output so that backticks in them end nothing', () => {
    const blocks = extractCodeBlocks(answerToMarkdown({ ...answer, code_runs: [run] }));
    expect(blocks).toEqual([
      { language: 'python', code: 'print("```")' },
      { language: 'text', code: '```' },
    ]);
  });

  test('says how a run ended that printed nothing', () => {
    const silent = { ...run, result: { ...run.result, stdout: '', outcome: 'timed-out' as const, exit_code: -1 } };
    expect(answerToMarkdown({ ...answer, code_runs: [silent] })).toContain('No output (timed-out).');
  });
});

describe('synthesisToMarkdown()', () => {
  test('puts the cited ids behind each statement and leaves empty sections out', () => {
    const text = synthesisToMarkdown({
      summary: 'Try it.',
      convergent_findings: [{ text: 'Both fear cost.', cites: ['a.insights.1', 'b.key-points.2'] }],
      divergent_views: [],
      priorities: [],
      success_factors: [],
    });
    expect(text).toBe('Try it.\n\n### Convergent findings\n\n- Both fear cost. (a.insights.1, b.key-points.2)');
  });
});
