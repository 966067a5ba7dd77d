import { deepEqual } from "node:assert/strict";
import process from "node:process";
import { findChromium, launchChromium } from "../../../compat/browser/chromium.ts";
import { CompatServer } from "../../../compat/compat_server.ts";
import { RUNTIME_TARGETS, type RuntimeTarget } from "../../../runtime/targets.ts";
import type { Browser, BrowserPage } from "./browser_page.ts";
import { Problems } from "./problems.ts";
import { DESKTOP, type Screen } from "./screen.ts";

/** Far more than a test needs. */
const LIMIT_MS = 60_000;

/** How long an element is waited for: a page that never shows it is told before the test's limit. */
const WAIT_MS = 20_000;

/** In CI a missing browser is a failure, and elsewhere a reason to skip. */
const MISSING = findChromium() === undefined && process.env["CI"] !== "true";

/** Somebody who has the page of a running server before them. */
export interface Visit {
  readonly page: BrowserPage;
  /** What went wrong meanwhile; a test fails where there is anything that it didn't allow. */
  readonly problems: Problems;
  /** Where the streams are. */
  readonly url: string;
  /** The URL of a stream, whatever is in its name. */
  streamUrl(name: string): string;
  /** Sends a request as a program would, and throws where it isn't answered by 2xx. */
  send(name: string, init: RequestInit): Promise<Response>;
  /** Opens the page, or goes to another place in it: what stands behind the `#`. */
  open(place?: string): Promise<void>;
}

/** How the server and the page of a test are. */
export interface VisitOptions {
  readonly screen?: Screen;
}

/** A browser and a server for all tests of a file, and a page for each. */
export class Visits {
  readonly #target: RuntimeTarget;
  #browser: Browser | undefined;
  #server: CompatServer | undefined;

  /**
   * @param flags what the server has beside its directory and its port, made before it starts
   * @param runtime what it runs on
   */
  constructor(
    { flags = () => [], runtime = "deno" }: {
      flags?: () => readonly string[] | Promise<readonly string[]>;
      runtime?: string;
    } = {},
  ) {
    const target = RUNTIME_TARGETS.find(({ name }) => name === runtime);
    if (target === undefined) throw new Error(`There is no runtime ${runtime}.`);
    this.#target = target;
    if (MISSING) return;
    Deno.test.beforeAll(async () => {
      const start = async () => CompatServer.start(await target.command(), await flags());
      [this.#browser, this.#server] = await Promise.all([launchChromium(), start()]);
    });
    Deno.test.afterAll(async () => {
      await this.#browser?.close();
      await this.#server?.[Symbol.asyncDispose]();
    });
  }

  /** Registers a test, which is skipped where the machine has no browser. */
  test(
    name: string,
    run: (visit: Visit) => Promise<void>,
    { screen = DESKTOP }: VisitOptions = {},
  ): void {
    const title = MISSING ? `${name} (skipped: needs Chromium, apt-get install chromium)` : name;
    const place = `${this.#target.name}, ${screen.name}`;
    Deno.test({
      name: `${place}: ${title}`,
      ignore: MISSING,
      timeout: LIMIT_MS,
      fn: () => this.#visit(screen, run),
    });
  }

  async #visit(screen: Screen, run: (visit: Visit) => Promise<void>): Promise<void> {
    if (this.#browser === undefined || this.#server === undefined) {
      throw new Error("The browser or the server hasn't started.");
    }
    const { name: _, ...settings } = screen;
    const context = await this.#browser.newContext({ ...settings, reducedMotion: "reduce" });
    context.setDefaultTimeout(WAIT_MS);
    try {
      const page = await context.newPage();
      const problems = await Problems.watch(page, new URL(this.#server.url).origin);
      await run(visitOf(page, problems, this.#server.url)).catch((error) => {
        // What the page said meanwhile is often why.
        throw new Error(`${error}\n${problems.found().join("\n")}`, { cause: error });
      });
      deepEqual(problems.found(), []);
    } finally {
      await context.close();
    }
  }
}

function visitOf(page: BrowserPage, problems: Problems, url: string): Visit {
  const streamUrl = (name: string) => `${url}/${encodeURIComponent(name)}`;
  const send = async (name: string, init: RequestInit) => {
    const response = await fetch(streamUrl(name), init);
    if (response.ok) return response;
    throw new Error(`${init.method} of ${name}: ${response.status} ${await response.text()}`);
  };
  const open = async (place = "") => {
    await page.goto(new URL(`/ui${place === "" ? "" : `#${place}`}`, url).href);
  };
  return { page, problems, url, streamUrl, send, open };
}
