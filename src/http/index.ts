export { type ApiDocument, describeServer } from './documentation.ts';
export { toRegistryError } from './errors.ts';
export { lastEventId, streamEvents } from './event-stream.ts';
export { requestSignal } from './lifetime.ts';
export { listen } from './listen.ts';
export { principalOf } from './principal.ts';
export { createHttpServer } from './server.ts';
export type { Authenticate, HttpServer } from './types.ts';
