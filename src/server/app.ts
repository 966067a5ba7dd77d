import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import { METHOD_NAME_ALL } from "hono/router";
import type { RouterRoute } from "hono/types";
import type { Handler } from "../http/handler.ts";
import { fetchWith } from "../http/fetch.ts";
import { createRoutes } from "./routes.ts";
import { type AppOptions, resolveOptions } from "./common/options.ts";
import { contextBelow, createContext } from "./verbs/context.ts";

/**
 * The protocol as a Hono app: mount it, add middleware, or serve its `fetch`.
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
  const serving = createContext(resolveOptions(options));
  const app = new Hono();
  const handler = createRoutes(serving);
  // Found last, so that middleware and routes that are added later come first.
  app.notFound((context) => fetchWith(handler, context.req.raw));
  const { routes } = app;
  keepLast(routes, {
    basePath: "/",
    path: "/*",
    method: METHOD_NAME_ALL,
    handler: (context: Context) =>
      fetchWith(createRoutes(contextBelow(serving, mountDepth(context))), context.req.raw),
  });
  // Without any of those a request takes the straight way.
  const throughHono = app.fetch;
  app.fetch = (request, ...rest) =>
    routes.length === 1 ? fetchWith(handler, request) : throughHono(request, ...rest);
  return app;
}

/**
 * The same for a server that needs no `Request`: what the program serves with.
 *
 * @throws {RangeError} as {@link createApp} does
 */
export function createHandler(options: Omit<AppOptions, "streamName">): Handler {
  return createRoutes(createContext(resolveOptions(options)));
}

/** How many segments come before the app's own paths where another app routes to it. */
function mountDepth(context: Context): number {
  return routePath(context).replace(/\/?\*$/, "").split("/").length - 1;
}

/** An app that this one is mounted into copies its routes: there, too, ours has to be the last. */
function keepLast(routes: RouterRoute[], last: RouterRoute): void {
  routes.push(last);
  routes.push = (...added) => {
    routes.splice(routes.length - 1, 0, ...added);
    return routes.length;
  };
}
