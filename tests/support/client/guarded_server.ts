import { Hono } from "hono";
import { systemClock } from "../../../src/env/clock.ts";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { TokenGuard } from "./token_guard.ts";

const HOUR_MS = 3_600_000;

/** A server over sockets behind a guard, whose tokens live until a test ends them. */
export async function withGuardedServer(
  run: (at: { url: string; guard: TokenGuard }) => Promise<void>,
): Promise<void> {
  const app = createApp({ storage: createMemoryStorage() });
  const guard = new TokenGuard({ lifeMs: () => HOUR_MS, clock: () => systemClock });
  const front = new Hono().all(
    "*",
    ({ req }) => guard.way(() => app.fetch(req.raw))(req.url, req.raw),
  );
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, front.fetch);
  try {
    await run({ url: `http://127.0.0.1:${server.addr.port}/v1/stream`, guard });
  } finally {
    guard.endAll("revoked");
    await server.shutdown();
  }
}
