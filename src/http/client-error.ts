import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { BigboxError, toErrorBody } from '../contracts/errors.ts';

interface ParserError extends Error {
  readonly code?: string;
}

/** Answers what never became a request: broken HTTP, headers over the limit, a client too slow to finish its request. */
export function answerClientError(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? [431, 'The headers are larger than 16 KiB.']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? [408, 'The request was not complete in time.']
        : [400, 'The request is not valid HTTP.'];
  const body = JSON.stringify(toErrorBody(new BigboxError('INVALID_REQUEST', { message: String(message) })));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[Number(status)] ?? 'Bad Request'}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'X-Content-Type-Options: nosniff',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
