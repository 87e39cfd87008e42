import { z } from 'zod';

export const PortNumber = z.coerce.number().int().min(1).max(65_535);

/** What a request for the plain connection to a port asks to change to. */
export const tunnelProtocol = 'tcp';

/** A TCP port that a program in a VM listens on. */
export const VmPort = z.object({
  port: z.number().int(),
  address: z.string().describe('What it is bound to; a port of every kind is reached through the agent'),
  guest_pid: z.number().int().optional().describe('One process that listens'),
  program: z.string().optional(),
});
export type VmPort = z.infer<typeof VmPort>;
export const VmPortList = z.object({ ports: z.array(VmPort).describe('Sorted by number') });

const longestLinkSeconds = 604_800;

export const PreviewLinkRequest = z.object({
  ttl_seconds: z.number().positive().max(longestLinkSeconds).default(3600).describe('How long the link works'),
});

export const PreviewLink = z.object({
  url: z.string().describe('Whoever has it sees what the port answers, without a key, until it expires'),
  expires_at: z.string(),
});
export type PreviewLink = z.infer<typeof PreviewLink>;
