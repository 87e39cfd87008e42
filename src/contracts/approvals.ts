import { z } from 'zod';

export const ApprovalState = z.enum(['waiting', 'approved', 'rejected', 'expired', 'withdrawn']);
export type ApprovalState = z.infer<typeof ApprovalState>;

/** Code that waits, or waited, for a person's word. */
export const Approval = z.object({
  id: z.string(),
  state: ApprovalState,
  hook: z.string().describe('The rule that asks'),
  reason: z.string().describe('Why it asks'),
  agent_id: z.string(),
  vm_id: z.string().optional().describe('Absent for a clone that is thrown away afterwards'),
  language: z.string(),
  code: z.string().describe('What would run'),
  created_at: z.string(),
  expires_at: z.string(),
  decided_at: z.string().optional(),
  comment: z.string().optional(),
  approved_code: z.string().optional().describe('What runs instead, where the person changed it'),
});
export type Approval = z.infer<typeof Approval>;

export const ApprovalList = z.object({ approvals: z.array(Approval) });

/** A question of the VM service. */
export const ApprovalRequest = Approval.pick({
  hook: true,
  reason: true,
  agent_id: true,
  language: true,
  code: true,
}).extend({
  vm_id: z.string().max(64).optional(),
  timeout_seconds: z.number().positive().max(86_400),
});
export type ApprovalRequest = z.infer<typeof ApprovalRequest>;

/** A person's answer. */
export const ApprovalDecision = z.object({
  decision: z.enum(['approve', 'reject']),
  comment: z.string().max(2000).optional(),
  code: z.string().min(1).max(10_000_000).optional().describe('Runs instead of what was asked for; with approve only'),
});
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;
