import { z } from 'zod';

const longestLinkSeconds = 604_800;
const longestPathBytes = 4096;

export const FileLinkAction = z.enum(['download', 'upload']);
export type FileLinkAction = z.infer<typeof FileLinkAction>;

export const FileLinkRequest = z.object({
  path: z
    .string()
    .max(longestPathBytes)
    .refine((path) => path.startsWith('/') && !path.includes('\0'), 'expected an absolute path')
    .refine(
      (path) => new TextEncoder().encode(path).length <= longestPathBytes,
      `expected at most ${longestPathBytes} bytes`,
    )
    .describe('Absolute path of a file in the guest; nothing needs to be there yet'),
  action: FileLinkAction.default('download'),
  expires_in_seconds: z.number().positive().max(longestLinkSeconds).default(900).describe('How long the link works'),
});

export const FileLink = z.object({
  url: z
    .string()
    .describe('Works once, without a key: GET gives the file, or PUT with the content as its body writes it'),
  expires_at: z.string(),
});
export type FileLink = z.infer<typeof FileLink>;
