import type { Handler, HeaderFields, HttpRequest, HttpResponse, Respond } from "../http/handler.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { append } from "./verbs/append.ts";
import { create } from "./verbs/create.ts";
import { head } from "./verbs/head.ts";
import { health } from "./verbs/health.ts";
import { list } from "./verbs/list.ts";
import { read } from "./verbs/read.ts";
import { preflight } from "./verbs/preflight.ts";
import { errorResponse } from "./common/error_response.ts";
import { remove } from "./verbs/remove.ts";
import { METHODS } from "./common/common_headers.ts";
import type { ClientLimits } from "./limits/client_limits.ts";
import type { ServerContext } from "./verbs/context.ts";
import { forward } from "./subscriptions/forward.ts";
import { control, isAboutSubscriptions } from "./subscriptions/routes.ts";
import { welcome } from "./verbs/welcome.ts";

/** The protocol as a handler: every verb on its way to the storage and back. */
export function createRoutes(context: ServerContext): Handler {
  return (request, respond) => serve(context, request, respond);
}

function serve(context: ServerContext, request: HttpRequest, respond: Respond): void {
  let extra: Readonly<HeaderFields> | undefined;
  try {
    extra = context.pages.check(request, context.names);
  } catch (error) {
    return respond(errorResponse(context.counters, error));
  }
  const respondWhole = extra === undefined ? respond : withHeaders(extra, respond);
  if (context.limits === undefined) route(context, request, respondWhole);
  else limited(context, context.limits, request, respondWhole);
}

/** As far as the client's limits let it in; who asks for the health isn't to be told of load. */
function limited(
  context: ServerContext,
  limits: ClientLimits,
  request: HttpRequest,
  respond: Respond,
): void {
  const isFree = request.method === "OPTIONS" ||
    (!context.names.isStreamUrl(request) && context.names.isHealth(request));
  if (isFree) return route(context, request, respond);
  limits.admit(request, undefined, respond, (counted) => route(context, request, counted));
}

function withHeaders(extra: Readonly<HeaderFields>, respond: Respond): Respond {
  return (response) => {
    const headers = { ...response.headers, ...extra };
    const { vary } = response.headers;
    if (vary !== undefined && extra["vary"] !== undefined) {
      headers["vary"] = `${vary}, ${extra["vary"]}`;
    }
    respond({ ...response, headers });
  };
}

function route(context: ServerContext, request: HttpRequest, respond: Respond): void {
  try {
    // An append responds by itself: a promise for its response would cost it more.
    if (request.method === "POST" && context.names.isStreamUrl(request)) {
      return append(context, request, respond);
    }
    const response = dispatch(context, request);
    if (response instanceof Promise) {
      response.then(respond, (error) => respond(errorResponse(context.counters, error)));
    } else respond(response);
  } catch (error) {
    respond(errorResponse(context.counters, error));
  }
}

function aboutSubscriptions(
  context: ServerContext,
  request: HttpRequest,
  path: string,
): Promise<HttpResponse> {
  const { forwardControl } = context.config;
  return forwardControl === undefined
    ? control(context, request, path)
    : forward(context, request, path, forwardControl);
}

function dispatch(
  context: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> | HttpResponse {
  const { names } = context;
  const { method } = request;
  if (!names.isStreamUrl(request) && method !== "OPTIONS") {
    if (names.isHealth(request)) return health(context, request);
    if (names.isListing(request)) return list(context, request);
    if (names.isWelcome(request)) return welcome(context, request);
    const path = names.controlPath(request);
    if (path !== undefined && isAboutSubscriptions(path)) {
      return aboutSubscriptions(context, request, path);
    }
  }
  switch (method) {
    case "POST":
      return new Promise((resolve) => append(context, request, resolve));
    case "GET":
      return read(context, request);
    case "HEAD":
      return head(context, request);
    case "PUT":
      return create(context, request);
    case "DELETE":
      return remove(context, request);
    case "OPTIONS":
      return preflight(request);
    default:
      throw new StreamError(
        { code: "method_not_allowed", allowed: METHODS },
        `A stream doesn't take the method ${quote(method)}: expected one of ${METHODS}.`,
      );
  }
}
