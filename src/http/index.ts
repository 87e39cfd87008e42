export { type ApiDocument, describeServer } from './documentation.ts';
export { toRegistryError } from './errors.ts';
export { type ServerEvent, type StreamOptions, lastEventId, streamEvents } from './event-stream.ts';
export { requestSignal } from './lifetime.ts';
export { type ListenOptions, listen } from './listen.ts';
export { principalOf } from './principal.ts';
export { addPagePolicy } from './security-headers.ts';
export { createHttpServer } from './server.ts';
export type { Authenticate, HttpServer, HttpServerOptions } from './types.ts';
