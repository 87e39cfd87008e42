import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Approval, type ApprovalDecision } from '../../../src/contracts/approvals.ts';
import { asJson, request } from '../shared/api.ts';

/** Answers one approval. */
export function useDecision(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (decision: ApprovalDecision) =>
      request(Approval, `/api/v1/approvals/${encodeURIComponent(id)}`, asJson(decision)),
    onSettled: () => client.invalidateQueries({ queryKey: ['approvals'] }),
  });
}
