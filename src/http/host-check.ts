import { BigboxError } from '../contracts/errors.ts';

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

interface HostAndPort {
  readonly name: string;
  readonly port: number | undefined;
}

const pattern = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/;

const parseHost = (text: string): HostAndPort | undefined => {
  const match = pattern.exec(text.toLowerCase());
  if (match?.[1] === undefined) return undefined;
  return { name: match[1], port: match[2] === undefined ? undefined : Number(match[2]) };
};

/**
 * Creates the check against DNS rebinding: a page whose own name was pointed at this machine still sends that name as Host.
 * The check throws FORBIDDEN_HOST unless the header is a loopback name with the port that the connection came in on, or one
 * of `allowedHosts` (`host` for any port, `host:port` for one).
 */
export function createHostCheck(allowedHosts: readonly string[]): (host: string | undefined, ownPort: number) => void {
  const allowed = allowedHosts.map(parseHost).filter((entry) => entry !== undefined);
  return (host, ownPort) => {
    const asked = parseHost(host ?? '');
    if (asked !== undefined) {
      if (loopbackNames.has(asked.name) && (asked.port ?? 80) === ownPort) return;
      if (allowed.some((entry) => entry.name === asked.name && (entry.port ?? asked.port) === asked.port)) return;
    }
    throw new BigboxError('FORBIDDEN_HOST', {
      message: `The Host header is '${(host ?? '').slice(0, 100)}', expected this server's own address.`,
      context: { host: (host ?? '').slice(0, 100) },
    });
  };
}
