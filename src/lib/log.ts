import { pino, type Logger as PinoLogger } from 'pino';

/** What modules log through; passed in, never global. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'child'>;

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const secretPaths = [
  'authorization',
  'cookie',
  'token',
  'key',
  'password',
  'secret',
  'api_key',
  'llm_api_key',
  'environment',
];

/** Creates the logger of a process: one JSON object a line on stdout, fields that carry secrets removed. */
export function createLogger(service: string, level: LogLevel): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: secretPaths.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[removed]' },
  });
}

/** A logger that writes nothing, for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
