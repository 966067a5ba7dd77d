import process from "node:process";
import { inRepo } from "../../tools/repo.ts";
import { type Program, startProgram } from "../../tools/program.ts";
import { findChromium, launchChromium } from "../browser/chromium.ts";
import { CompatServer } from "../compat_server.ts";

/** In CI a missing browser is a failure, and elsewhere a reason to skip. */
const MISSING = findChromium() === undefined && process.env["CI"] !== "true";
const LIMIT_MS = 60_000;
const WAIT_MS = 20_000;
const MAIN = [Deno.execPath(), "run", "-A", inRepo("main.ts")];

export type Browser = Awaited<ReturnType<typeof launchChromium>>;
export type BrowserContext = Awaited<ReturnType<Browser["newContext"]>>;

/** The demo in two processes, the streams' server and the worker, each of which may be killed. */
export class DemoProcesses {
  readonly server: CompatServer;
  #worker: Program | undefined;
  #port = "0";

  private constructor(server: CompatServer) {
    this.server = server;
  }

  /** Both, started. */
  static async start(): Promise<DemoProcesses> {
    const processes = new DemoProcesses(await CompatServer.start(MAIN));
    await processes.startWorker();
    return processes;
  }

  /** The worker, on the port that it had before. */
  async startWorker(): Promise<void> {
    const flags = ["--streams", this.server.url, "--port", this.#port, "--pace", "25ms"];
    this.#worker = await startProgram([...MAIN, "demo", ...flags]);
    this.#port = new URL(this.#worker.url).port;
  }

  /** Where the page is. */
  get url(): string {
    return this.#worker?.url ?? "";
  }

  /** SIGKILL, and the wait for the worker's end. */
  async killWorker(): Promise<void> {
    await this.#worker?.kill();
  }

  /** Ends both. */
  async stop(): Promise<void> {
    await this.killWorker();
    await this.server[Symbol.asyncDispose]();
  }
}

/** What a test is given: the processes, and windows of its own. */
export interface DemoVisit {
  readonly demo: DemoProcesses;
  readonly context: BrowserContext;
}

/** Registers tests of the demo that share a browser and its processes. */
export function demoTests(): (name: string, run: (visit: DemoVisit) => Promise<void>) => void {
  let browser: Browser | undefined;
  let demo: DemoProcesses | undefined;
  if (!MISSING) {
    Deno.test.beforeAll(async () => {
      [browser, demo] = await Promise.all([launchChromium(), DemoProcesses.start()]);
    });
    Deno.test.afterAll(async () => {
      await browser?.close();
      await demo?.stop();
    });
  }
  return (name, run) => {
    Deno.test({
      name: MISSING ? `${name} (skipped: needs Chromium, apt-get install chromium)` : name,
      ignore: MISSING,
      timeout: LIMIT_MS,
      fn: async () => {
        if (browser === undefined || demo === undefined) throw new Error("Nothing has started.");
        const context = await browser.newContext();
        context.setDefaultTimeout(WAIT_MS);
        try {
          await run({ demo, context });
        } finally {
          await context.close();
        }
      },
    });
  };
}
