import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../../web', import.meta.url));
let built: Promise<string> | undefined;

/** Builds the pages once and gives their folder. */
export function buildPages(): Promise<string> {
  built ??= build({ root, configFile: `${root}/vite.config.ts`, logLevel: 'warn' }).then(() =>
    fileURLToPath(new URL('../../dist/web', import.meta.url)),
  );
  return built;
}
