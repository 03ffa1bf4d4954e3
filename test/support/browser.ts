import { chromium, type BrowserContext, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
/** A browser shares the machine with everything that it looks at. */
const ACTION_MS_MAX = 60_000;

/** A browser that reaches a control plane, and everything that it asked for and complained of. */
export interface Browser extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What left it: method, URL, headers and body as text. */
  readonly sent: readonly string[];
  /** Messages of the console, errors of pages, violations of their policies, and dialogs that a script opened. */
  readonly complaints: readonly string[];
}

/**
 * Debian's Chromium. `via`: a port of this machine that leads to the host of `origin`, which lies in a network of its
 * own.
 */
export async function openBrowser(
  origin: string,
  via: number,
  options: { readonly colorScheme?: 'light' | 'dark'; readonly width?: number; readonly height?: number } = {},
): Promise<Browser> {
  const { host } = new URL(origin);
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // Tests run as root, where Chromium has no sandbox of its own.
    args: ['--no-sandbox', `--host-resolver-rules=MAP ${host} 127.0.0.1:${String(via)}`],
  });
  const { colorScheme = 'light', width = 1300, height = 900 } = options;
  const context = await browser.newContext({
    // The authority is the control plane's own; that it is checked is shown with other clients.
    ignoreHTTPSErrors: true,
    colorScheme,
    // A look in the middle of a fade finds colours that nobody reads.
    reducedMotion: 'reduce',
    viewport: { width, height },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  context.setDefaultTimeout(ACTION_MS_MAX);
  const sent: string[] = [];
  const complaints: string[] = [];
  // Of the whole browser, not of one page: what a second tab does is heard as well.
  context.on('request', (request) => {
    sent.push(`${request.method()} ${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ''}`);
  });
  context.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  context.on('weberror', (failure) => complaints.push(`defect: ${failure.error().message}`));
  context.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch((error: unknown) => complaints.push(`dialog: ${String(error)}`));
  });
  const page = await context.newPage();
  return {
    page,
    context,
    sent,
    complaints,
    async [Symbol.asyncDispose]() {
      await browser.close();
    },
  };
}
