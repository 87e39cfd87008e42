const secretKey = /(api_key|secret|token|password)$/i;

/** Replaces the value of every key that holds a secret, however deep, so that a configuration can be shown. */
export function redactSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redactSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      secretKey.test(key) && typeof inner === 'string' && inner !== '' ? '[redacted]' : redactSecrets(inner),
    ]),
  );
}
