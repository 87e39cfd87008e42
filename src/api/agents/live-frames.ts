import { z } from 'zod';
import { BigboxError, toErrorBody } from '../../contracts/errors.ts';

export const commands = [
  'subscribe_workflow',
  'unsubscribe_workflow',
  'get_workflow_status',
  'list_active_workflows',
  'get_session_info',
  'execute_workflow',
  'ping',
  'heartbeat',
] as const;

/** What a client sends. */
export const Command = z.object({
  command_type: z.enum(commands),
  session_id: z.string().max(200).nullish(),
  workflow_id: z.string().max(100).nullish(),
  data: z.unknown().optional(),
});
export type Command = z.infer<typeof Command>;

/** What the server sends; `workflowId` and `sessionId` repeat the snake_case fields for the old client, which reads only them. */
export interface Frame {
  readonly type: string;
  readonly workflowId?: string | undefined;
  readonly data: unknown;
  readonly error?: BigboxError;
}

/** Writes a frame. For a frame about a run the old client expects the id of the run as `sessionId`. */
export function writeFrame({ type, workflowId, data, error }: Frame, sessionId: string): string {
  return JSON.stringify({
    response_type: type,
    session_id: sessionId,
    sessionId: workflowId ?? sessionId,
    ...(workflowId === undefined ? {} : { workflow_id: workflowId, workflowId }),
    data,
    timestamp: new Date().toISOString(),
    success: error === undefined,
    ...(error === undefined ? {} : { error: error.message, error_detail: toErrorBody(error) }),
  });
}

/** Reads what a client sent. Throws INVALID_JSON, INVALID_REQUEST. */
export function parseCommand(text: string): Command {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BigboxError('INVALID_JSON', { message: 'The frame is not valid JSON.', cause });
  }
  const parsed = Command.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new BigboxError('INVALID_REQUEST', {
    message: `frame.${issue?.path.join('.') ?? ''} is not as expected: ${issue?.message ?? ''}.`,
    context: { available_commands: commands },
  });
}
