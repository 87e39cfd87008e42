import { z } from 'zod';

/** `POST /api/v1/login`: exchanges the token of a login link for a session cookie. */
export const LoginRequest = z.object({ token: z.string().min(1).max(200) });
export type LoginRequest = z.infer<typeof LoginRequest>;

export const LoginAnswer = z.object({ status: z.literal('success'), expires_at: z.string() });
export type LoginAnswer = z.infer<typeof LoginAnswer>;

/** `POST /api/v1/login-links`: a link that logs in once within ten minutes. */
export const LoginLink = z.object({ url: z.string(), expires_at: z.string() });
export type LoginLink = z.infer<typeof LoginLink>;

/** One API key as lists show it; the key itself is shown only once, when it is created. */
export const ApiKey = z.object({
  id: z.string(),
  name: z.string(),
  created_at: z.string(),
  last_used_at: z.string().optional(),
  revoked_at: z.string().optional(),
});
export type ApiKey = z.infer<typeof ApiKey>;

export const CreateKeyRequest = z.object({ name: z.string().trim().min(1).max(100) });
export type CreateKeyRequest = z.infer<typeof CreateKeyRequest>;

export const CreatedKey = ApiKey.extend({ key: z.string() });
export type CreatedKey = z.infer<typeof CreatedKey>;

/** `POST /api/v1/auth/verify`, for our own services only: who holds this key or session? */
export const VerifyRequest = z.object({
  bearer: z.string().max(500).optional(),
  session: z.string().max(500).optional(),
});
export type VerifyRequest = z.infer<typeof VerifyRequest>;

export const VerifyAnswer = z.object({
  principal: z
    .object({
      kind: z.enum(['owner', 'service']),
      via: z.enum(['session', 'api-key', 'service-key', 'loopback']),
      id: z.string(),
    })
    .nullable(),
});
export type VerifyAnswer = z.infer<typeof VerifyAnswer>;
