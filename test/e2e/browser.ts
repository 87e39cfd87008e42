import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type Page, chromium } from 'playwright-core';

/** A Chromium with a profile of its own that is removed afterwards. */
export interface TestBrowser {
  readonly context: BrowserContext;
  /** Opens a page whose violations of the content policy and uncaught errors are collected in `faults`. */
  open(options?: {
    readonly width?: number;
    readonly dark?: boolean;
  }): Promise<{ readonly page: Page; readonly faults: string[] }>;
  close(): Promise<void>;
}

const sizes = [
  { name: '1440', width: 1440, height: 900 },
  { name: '390', width: 390, height: 844 },
] as const;

/** Where the screenshots go; not part of the repository. */
const screenFolder = join(import.meta.dirname, '../../test-results/screens');

/** Starts Debian's Chromium without a window and without any traffic of its own. */
export async function startBrowser(): Promise<TestBrowser> {
  const profile = await mkdtemp(join(tmpdir(), 'bigbox-chromium-'));
  await mkdir(screenFolder, { recursive: true });
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env['BIGBOX_CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    acceptDownloads: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    context,
    open: async ({ width = 1440, dark = false } = {}) => {
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => {
        if (/Content Security Policy/i.test(message.text())) faults.push(message.text());
      });
      page.setDefaultTimeout(20_000);
      await page.setViewportSize({ width, height: width < 600 ? 844 : 900 });
      await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light', reducedMotion: 'reduce' });
      return { page, faults };
    },
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** Takes the whole page at both widths and in both themes; leaves it at 1440 and light. */
export async function takeScreens(page: Page, name: string): Promise<void> {
  for (const { name: size, width, height } of sizes)
    for (const scheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor();
      await page.evaluate('window.scrollTo(0, 0)');
      await page.screenshot({ path: join(screenFolder, `${name}-${size}-${scheme}.png`), fullPage: true });
    }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
}

/** How far the page is wider than its window; 0 when nothing sticks out. */
export const measureOverflow = (page: Page): Promise<number> =>
  page.evaluate('Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)');
