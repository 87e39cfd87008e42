import { z } from 'zod';

const place = {
  path: z.string().describe('Absolute path in the guest'),
  is_folder: z.boolean(),
};

/** What happens at a path of a VM that is watched. */
export const FileChange = z.discriminatedUnion('type', [
  z.object({ type: z.literal('watching') }).describe('The first event: what happens from now on is told'),
  z
    .object({ type: z.enum(['created', 'modified', 'removed']), ...place })
    .describe('Many changes of content may be one'),
  z.object({ type: z.literal('moved'), ...place, from: z.string() }).describe('From one watched place to another'),
  z.object({ type: z.literal('overflow') }).describe('More happened than could be kept: look at the files anew'),
]);
export type FileChange = z.infer<typeof FileChange>;
