import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import { METHOD_NAME_ALL } from "hono/router";
import type { Handler } from "../http/handler.ts";
import { fetchWith } from "../http/fetch.ts";
import type { ForwardControl } from "./common/forwarded_request.ts";
import { createRoutes } from "./routes.ts";
import { type AppOptions, resolveOptions } from "./common/options.ts";
import { serveForwarded } from "./subscriptions/forward.ts";
import { contextBelow, createContext } from "./verbs/context.ts";

/**
 * The protocol as a Hono app: serve its `fetch`, or mount it in an app of yours with `route()` or `mount()`.
 * Middleware and other routes go on that outer app; Hono throws where they are added to this one.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createApp } from "./app.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const answer = await app.request("/v1/stream/greetings", { method: "PUT", body: "hello" });
 * assert(answer.status === 201);
 * ```
 */
export function createApp(options: AppOptions): Hono {
  const context = createContext(resolveOptions(options));
  const handler = createRoutes(context);
  // Nobody else asks for it.
  const clientAddress = context.limits === undefined ? undefined : options.clientAddress;
  const app = new Hono();
  app.all("/*", (hono) => {
    const below = contextBelow(context, mountDepth(hono));
    return fetchWith(createRoutes(below), hono.req.raw, clientAddress);
  });
  // By itself it needs none of Hono's routing.
  app.fetch = (request) => fetchWith(handler, request, clientAddress);
  // Middleware and routes after that one would never run: now Hono throws where somebody adds them.
  app.router.match(METHOD_NAME_ALL, "/");
  return app;
}

/**
 * The same for a server that needs no `Request`: what the program serves with.
 *
 * @param forwardControl where another thread has the subscriptions
 * @throws {RangeError} as {@link createApp} does
 */
export function createHandler(
  options: Omit<AppOptions, "streamName">,
  forwardControl?: ForwardControl,
): Handler {
  return createRoutes(createContext({ ...resolveOptions(options), forwardControl }));
}

/**
 * Serves the requests about subscriptions that other threads hand on, and delivers.
 *
 * @throws {RangeError} as {@link createApp} does
 */
export function createControl(options: Omit<AppOptions, "streamName">): ForwardControl {
  const context = createContext(resolveOptions(options));
  return (request) => serveForwarded(context, request);
}

/** How many segments come before the app's own paths where another app routes to it. */
function mountDepth(context: Context): number {
  return routePath(context).replace(/\/?\*$/, "").split("/").length - 1;
}
