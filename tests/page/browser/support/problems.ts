import type { BrowserPage } from "./browser_page.ts";

/** In the page, before its own scripts: says what the policy of its content has refused. */
function reportViolations(): void {
  document.addEventListener("securitypolicyviolation", (event) => {
    console.error(`refused by ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
  });
}

/**
 * What must not happen while a page is open: an error, a script's dialog, a new window, a download,
 * a request to another origin, anything that the policy of its content had to refuse.
 */
export class Problems {
  readonly #found: string[] = [];
  readonly #allowed: RegExp[] = [];

  private constructor() {}

  /** Watches a page from before it goes anywhere. @param origin the only one that it may ask */
  static async watch(page: BrowserPage, origin: string): Promise<Problems> {
    const problems = new Problems();
    const note = (text: string) => problems.#found.push(text.slice(0, 500));
    page.on("console", (message: { type(): string; text(): string }) => {
      if (message.type() === "error" || message.type() === "warning") {
        note(`console ${message.type()}: ${message.text()}`);
      }
    });
    page.on("pageerror", (error: Error) => note(`uncaught: ${error.message}`));
    page.on("dialog", async (dialog: { message(): string; dismiss(): Promise<void> }) => {
      note(`dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
    page.on("popup", (popup: { url(): string }) => note(`new window: ${popup.url()}`));
    page.on("download", (download: { url(): string }) => note(`download: ${download.url()}`));
    page.on("request", (request: { url(): string }) => {
      const url = new URL(request.url());
      if (url.origin !== origin && url.protocol !== "blob:" && url.protocol !== "data:") {
        note(`request to ${url.href}`);
      }
    });
    await page.addInitScript(reportViolations);
    return problems;
  }

  /** Problems that this expression matches are what the test is about. */
  allow(expected: RegExp): void {
    this.#allowed.push(expected);
  }

  /** What happened and wasn't allowed. */
  found(): readonly string[] {
    return this.#found.filter((text) => !this.#allowed.some((allowed) => allowed.test(text)));
  }
}
