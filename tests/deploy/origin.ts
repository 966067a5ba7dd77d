import process from "node:process";
import { createApp } from "../../src/server/app.ts";
import type { AppOptions } from "../../src/server/common/options.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { type Program, startProgram } from "../tools/program.ts";
import { SITE } from "./proxy.ts";

/** Runs the program, as it is told to be behind a proxy. */
export function withProgram(
  flags: readonly string[],
  run: (program: Program, upstream: string) => Promise<void>,
): Promise<void> {
  return withTempDir(async (root) => {
    const program = await startProgram([
      ...[process.execPath, "run", "-A", "main.ts", "--port", "0", "--dir", `${root}/streams`],
      ...["--trust-proxy", "--allow-host", SITE, ...flags],
    ]);
    try {
      await run(program, new URL(program.origin).host);
      await program.stop();
    } finally {
      await program.kill();
    }
  });
}

/** A server in this process that counts the requests which reach it. */
export interface CountingOrigin {
  readonly upstream: string;
  readonly url: string;
  /** Those that were asked so far. */
  readonly requests: readonly Request[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** An app over memory that counts. */
export function countingApp(options: Omit<AppOptions, "storage">): CountingOrigin {
  const storage = createMemoryStorage();
  const app = createApp({ storage, ...options });
  return countingOrigin((request) => app.fetch(request), () => storage.close());
}

/** Any handler's requests, counted. */
export function countingOrigin(
  handle: (request: Request) => Response | Promise<Response>,
  close: () => Promise<void> = () => Promise.resolve(),
): CountingOrigin {
  const requests: Request[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    requests.push(request);
    return handle(request);
  });
  const upstream = `127.0.0.1:${server.addr.port}`;
  return {
    upstream,
    url: `http://${upstream}`,
    requests,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await close();
    },
  };
}
