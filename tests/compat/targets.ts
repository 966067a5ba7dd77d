import { RUNTIME_TARGETS, type RuntimeTarget } from "../runtime/targets.ts";
import { CompatServer } from "./compat_server.ts";

/** The runtimes that clients are tried against; the executable is Bun again, Node speaks HTTP as Deno. */
export const COMPAT_TARGETS: readonly RuntimeTarget[] = RUNTIME_TARGETS.filter(({ name }) =>
  name !== "executable" && name !== "node"
);

/** Far more than a test needs. Where the server forgets to say something, a client waits for ever. */
const LIMIT_MS = 60_000;

/** Registers a test against one of the targets, which fails where it doesn't end. */
export function compatTest(target: RuntimeTarget, name: string, run: () => Promise<void>): void {
  Deno.test({ name: `${target.name}: ${name}`, timeout: LIMIT_MS, fn: run });
}

/** One server for all tests of a file: each takes a stream of its own. */
export function sharedServer(
  target: RuntimeTarget,
  flags: readonly string[] = [],
): { streamUrl(): string; readonly url: string } {
  let server: CompatServer | undefined;
  Deno.test.beforeAll(async () => {
    server = await CompatServer.start(await target.command(), flags);
  });
  Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
  const started = () => {
    if (server === undefined) throw new Error(`${target.name}: the server hasn't started.`);
    return server;
  };
  return {
    streamUrl: () => started().streamUrl(),
    get url() {
      return started().url;
    },
  };
}
