import process from "node:process";
import { findChromium, launchChromium } from "./chromium.ts";
import { PageHost } from "./page_host.ts";

type Browser = Awaited<ReturnType<typeof launchChromium>>;
/** A page of the browser. */
export type Page = Awaited<ReturnType<Browser["newPage"]>>;

const LIMIT_MS = 60_000;

/** In CI a missing browser is a failure, and elsewhere a reason to skip. */
const MISSING = findChromium() === undefined && process.env["CI"] !== "true";

/** A browser for all tests of a file, with a page of another origin for each. */
export class Pages {
  #browser: Browser | undefined;
  #host: PageHost | undefined;

  /** @param prepare adds what the pages need beside the server */
  constructor({ prepare }: { prepare?: (host: PageHost) => Promise<void> } = {}) {
    if (MISSING) return;
    Deno.test.beforeAll(async () => {
      this.#browser = await launchChromium();
      this.#host = await PageHost.start();
      await prepare?.(this.#host);
    });
    Deno.test.afterAll(async () => {
      await this.#browser?.close();
      await this.#host?.[Symbol.asyncDispose]();
    });
  }

  /** Registers a test that runs on a page, and is skipped where the machine has no browser. */
  test(name: string, run: (page: Page) => Promise<void>): void {
    const title = MISSING ? `${name} (skipped: needs Chromium, apt-get install chromium)` : name;
    Deno.test({
      name: title,
      ignore: MISSING,
      timeout: LIMIT_MS,
      fn: async () => {
        if (this.#browser === undefined || this.#host === undefined) {
          throw new Error("The browser hasn't started.");
        }
        const page = await this.#browser.newPage();
        try {
          await page.goto(this.#host.url);
          await run(page);
        } finally {
          await page.close();
        }
      },
    });
  }
}
