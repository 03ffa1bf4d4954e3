import { chromium, type BrowserContext, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** A browser that reaches a control plane, and everything that it asked for and complained of. */
export interface Browser extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What left the page: method, URL, headers and body as text. */
  readonly sent: readonly string[];
  /** Messages of the console, errors of pages and violations of their policies. */
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
  const sent: string[] = [];
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on('request', (request) => {
    sent.push(`${request.method()} ${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ''}`);
  });
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`defect: ${error.message}`));
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
