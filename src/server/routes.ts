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
import type { ServerContext } from "./verbs/context.ts";
import { welcome } from "./verbs/welcome.ts";

/** The protocol as a handler: every verb on its way to the storage and back. */
export function createRoutes(serving: ServerContext): Handler {
  return (request, respond) => serve(serving, request, respond);
}

function serve(serving: ServerContext, request: HttpRequest, respond: Respond): void {
  let extra: Readonly<HeaderFields> | undefined;
  try {
    extra = serving.access.check(request, serving.names);
  } catch (error) {
    return respond(errorResponse(serving.counters, error));
  }
  route(serving, request, extra === undefined ? respond : withHeaders(extra, respond));
}

function withHeaders(extra: Readonly<HeaderFields>, respond: Respond): Respond {
  return (answer) => {
    const headers = { ...answer.headers, ...extra };
    const { vary } = answer.headers;
    if (vary !== undefined && extra["vary"] !== undefined) {
      headers["vary"] = `${vary}, ${extra["vary"]}`;
    }
    respond({ ...answer, headers });
  };
}

function route(serving: ServerContext, request: HttpRequest, respond: Respond): void {
  try {
    // An append answers by itself: a promise for its answer would cost it more.
    if (request.method === "POST" && serving.names.isStreamUrl(request)) {
      return append(serving, request, respond);
    }
    const answer = dispatch(serving, request);
    if (answer instanceof Promise) {
      answer.then(respond, (error) => respond(errorResponse(serving.counters, error)));
    } else respond(answer);
  } catch (error) {
    respond(errorResponse(serving.counters, error));
  }
}

function dispatch(
  serving: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> | HttpResponse {
  const { names } = serving;
  const { method } = request;
  if (!names.isStreamUrl(request) && method !== "OPTIONS") {
    if (names.isHealth(request)) return health(serving, request);
    if (names.isListing(request)) return list(serving, request);
    if (names.isWelcome(request)) return welcome(serving, request);
  }
  switch (method) {
    case "POST":
      return new Promise((resolve) => append(serving, request, resolve));
    case "GET":
      return read(serving, request);
    case "HEAD":
      return head(serving, request);
    case "PUT":
      return create(serving, request);
    case "DELETE":
      return remove(serving, request);
    case "OPTIONS":
      return preflight(request);
    default:
      throw new StreamError(
        { code: "method_not_allowed", allowed: METHODS },
        `A stream doesn't take the method ${quote(method)}: expected one of ${METHODS}.`,
      );
  }
}
