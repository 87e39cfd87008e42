import { z } from 'zod';

/** A regular expression; refused with its fault where it is none. */
const pattern = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    try {
      void new RegExp(text, 'm');
    } catch (error) {
      context.addIssue({ code: 'custom', message: `expected a regular expression (${(error as Error).message})` });
    }
  });

const Rule = z.strictObject({
  name: z.string().min(1).max(100).describe('Name of the rule'),
  pattern: pattern.describe('Regular expression; ^ and $ stand at lines'),
  languages: z
    .array(z.enum(['python', 'javascript', 'bash']))
    .optional()
    .describe('Languages it looks at; all without'),
  decision: z.enum(['warn', 'ask', 'block', 'modify']).describe('What happens to code that matches'),
  reason: z.string().min(1).max(500).describe('What a person should know'),
  replacement: z.string().optional().describe('What stands in the place of every match, for modify'),
});

/** What happens before code runs in a VM and to what it writes. Unknown keys are kept and reported, as everywhere inside `extra`. */
export const SecuritySettings = z.looseObject({
  dangerous_patterns_check: z
    .union([
      z.boolean().transform((on) => (on ? ('warn' as const) : ('off' as const))),
      z.enum(['off', 'warn', 'ask', 'block']),
    ])
    .default('off')
    .describe('What happens to code that looks dangerous: off, warn (or true), ask a person, block. Advice, no wall'),
  check_throw_away_vms: z
    .boolean()
    .default(false)
    .describe('Whether rules also look at code for clones that are thrown away'),
  rules: z.array(Rule).default([]).describe('Rules of your own, applied in their order after the built-in ones'),
  approval_timeout_seconds: z
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(300)
    .describe('How long code waits for a person'),
  redact_secrets: z.boolean().default(true).describe('Whether secrets are taken out of the output'),
});
export type SecuritySettings = z.infer<typeof SecuritySettings>;
