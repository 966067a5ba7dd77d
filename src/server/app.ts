import { getLogger } from "@logtape/logtape";
import { Hono } from "hono";
import { quote, StreamError } from "../protocol/errors.ts";
import { answerError } from "./answers.ts";
import { append } from "./append.ts";
import { create } from "./create.ts";
import { head } from "./head.ts";
import { type AppOptions, resolveOptions } from "./options.ts";
import { read } from "./read.ts";
import { remove } from "./remove.ts";
import { METHODS, PREFLIGHT_HEADERS } from "./response.ts";
import { createServing, type Serving } from "./serving.ts";

const logger = getLogger(["durable-streams", "server"]);

/**
 * The protocol as a Hono app: mount it, add middleware, or serve its `fetch`.
 *
 * @example
 * ```ts
 * import { createApp } from "./app.ts";
 * import { createMemoryStorage } from "../storage/memory.ts";
 *
 * const app = createApp({ storage: createMemoryStorage() });
 * const answer = await app.request("/v1/stream/greetings", { method: "PUT", body: "hello" });
 * console.assert(answer.status === 201);
 * ```
 */
export function createApp(options: AppOptions): Hono {
  const serving = createServing(resolveOptions(options));
  const app = new Hono();
  app.all("*", (context) => serve(serving, context.req.raw));
  return app;
}

async function serve(serving: Serving, request: Request): Promise<Response> {
  try {
    return await dispatch(serving, request);
  } catch (error) {
    if (error instanceof StreamError) {
      if (error.code === "damaged") logger.error(error.message);
      return answerError(error);
    }
    logger.error("A request failed in a way that is a defect here: {error}", { error });
    return new Response("Internal error\n", { status: 500 });
  }
}

function dispatch(serving: Serving, request: Request): Promise<Response> | Response {
  switch (request.method) {
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
      return new Response(null, { status: 204, headers: [...PREFLIGHT_HEADERS] });
    default:
      throw new StreamError(
        { code: "method_not_allowed" },
        `A stream doesn't take the method ${quote(request.method)}: expected one of ${METHODS}.`,
      );
  }
}
