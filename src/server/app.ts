import { type Context, type Handler, Hono } from "hono";
import { routePath } from "hono/route";
import { METHOD_NAME_ALL } from "hono/router";
import type { RouterRoute } from "hono/types";
import { quote, StreamError } from "../protocol/errors.ts";
import { append } from "./append.ts";
import { create } from "./create.ts";
import { head } from "./head.ts";
import { health } from "./health.ts";
import { list } from "./list.ts";
import { type AppOptions, resolveOptions } from "./options.ts";
import { read } from "./read.ts";
import { remove } from "./remove.ts";
import { refuse } from "./refuse.ts";
import { METHODS, PREFLIGHT_HEADERS } from "./response.ts";
import { createServing, type Serving, servingBelow } from "./serving.ts";

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
  const serving = createServing(resolveOptions(options));
  const app = new Hono();
  // Found last, so that middleware and routes that are added later come first.
  app.notFound((context) => serve(serving, context.req.raw));
  const { routes } = app;
  const handler: Handler = (context) =>
    serve(servingBelow(serving, mountDepth(context)), context.req.raw);
  keepLast(routes, { basePath: "/", path: "/*", method: METHOD_NAME_ALL, handler });
  // Without any of those a request takes the straight way.
  const throughHono = app.fetch;
  app.fetch = (request, ...rest) =>
    routes.length === 1 ? serve(serving, request) : throughHono(request, ...rest);
  return app;
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

function serve(serving: Serving, request: Request): Promise<Response> | Response {
  try {
    // An append answers its failures itself: a promise that catches them would cost it more.
    if (request.method === "POST" && serving.names.isPlain(request)) {
      return append(serving, request);
    }
    const answer = dispatch(serving, request);
    return answer instanceof Promise ? answer.catch((error) => refuse(serving, error)) : answer;
  } catch (error) {
    return refuse(serving, error);
  }
}

function dispatch(serving: Serving, request: Request): Promise<Response> | Response {
  const { names } = serving;
  const { method } = request;
  if (!names.isPlain(request) && method !== "OPTIONS") {
    if (names.isHealth(request)) return health(serving, request);
    if (names.isListing(request)) return list(serving, request);
  }
  switch (method) {
    case "POST":
      return append(serving, request);
    case "GET":
      return read(serving, request);
    case "HEAD":
      return head(serving, request);
    case "PUT":
      return create(serving, request);
    case "DELETE":
      return remove(serving, request);
    case "OPTIONS":
      return new Response(null, { status: 204, headers: PREFLIGHT_HEADERS });
    default:
      throw new StreamError(
        { code: "method_not_allowed", allowed: METHODS },
        `A stream doesn't take the method ${quote(method)}: expected one of ${METHODS}.`,
      );
  }
}
