import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { RESERVED_SEGMENT } from "../../protocol/stream_name.ts";
import type { Asker } from "../access/guard.ts";
import type { ServerContext } from "../verbs/context.ts";
import type { Recorder } from "../figures/recorder.ts";
import { openFeed } from "./feed.ts";
import { FeedHub } from "./feed_hub.ts";
import { signLink } from "./link.ts";
import { pageIsOff } from "./serve_document.ts";
import { describeOne } from "./stream_details.ts";
import { listStreams } from "./stream_list.ts";

interface Route {
  readonly method: "GET" | "POST";
  serve(
    context: ServerContext,
    request: HttpRequest,
    asker: Asker,
  ): HttpResponse | Promise<HttpResponse>;
}

/** What the page asks for beside the protocol, by what follows `__ds/page/`. */
const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["feed", {
    method: "GET",
    serve: (context, request, asker) => openFeed(context, hubOf(context), request, asker),
  }],
  ["streams", { method: "GET", serve: listStreams }],
  ["stream", { method: "GET", serve: describeOne }],
  ["link", { method: "POST", serve: signLink }],
]);

/** An app has one, made when the first page is opened. */
const hubs = new WeakMap<Recorder, FeedHub>();

function hubOf(context: ServerContext): FeedHub {
  const { recorder } = context;
  if (recorder === undefined) throw pageIsOff();
  let hub = hubs.get(recorder);
  if (hub === undefined) hubs.set(recorder, hub = new FeedHub(context, recorder));
  return hub;
}

/** Whether what follows `__ds/` is the page's. */
export function isThePages(path: string): boolean {
  return path.startsWith("page/");
}

/**
 * Serves what is below `__ds/page/`, where the page is on.
 *
 * @throws {StreamError} `not_found`, `method_not_allowed`, and what the route throws
 */
export function servePages(
  context: ServerContext,
  request: HttpRequest,
  path: string,
  asker: Asker,
): HttpResponse | Promise<HttpResponse> {
  if (!context.config.page) throw pageIsOff();
  const route = ROUTES.get(path.slice("page/".length));
  if (route === undefined) {
    throw new StreamError(
      { code: "not_found" },
      `There is nothing at ${quote(`${RESERVED_SEGMENT}/${path}`)}.`,
    );
  }
  const { method } = route;
  if (request.method !== method) {
    throw new StreamError(
      { code: "method_not_allowed", allowed: `${method}, OPTIONS` },
      `This URL doesn't take the method ${quote(request.method)}: expected ${method}.`,
    );
  }
  return route.serve(context, request, asker);
}
