import type { Handler, HeaderFields, HttpRequest, HttpResponse, Respond } from "../http/handler.ts";
import type { Authority, Verifying } from "../access/permit.ts";
import { quote, StreamError } from "../protocol/errors.ts";
import { type Asker, authenticate, keepBody, NOBODY, privately } from "./access/guard.ts";
import { checkStreamRequest } from "./access/stream_rights.ts";
import { RESERVED_SEGMENT } from "../protocol/stream_name.ts";
import type { StartProgress } from "../storage/start_progress.ts";
import { append } from "./verbs/append.ts";
import { change } from "./verbs/change.ts";
import { create } from "./verbs/create.ts";
import { head } from "./verbs/head.ts";
import { health } from "./verbs/health.ts";
import { list } from "./verbs/list.ts";
import { isLivePath, live } from "./verbs/live.ts";
import { metrics } from "./verbs/metrics.ts";
import { read } from "./verbs/read.ts";
import { preflight } from "./verbs/preflight.ts";
import { isLiveRead } from "./common/live_read.ts";
import { errorResponse } from "./common/error_response.ts";
import { snapshot } from "./verbs/snapshot.ts";
import { isAboutSnapshot } from "./common/snapshot_query.ts";
import { remove } from "./verbs/remove.ts";
import { isSession, session } from "./verbs/session.ts";
import { METHODS } from "./common/common_headers.ts";
import type { ServerContext } from "./verbs/context.ts";
import { nameClient, observeRequest } from "./log/request_log.ts";
import { type RequestSubject, traceRequest } from "./log/request_span.ts";
import { isThePages, servePages } from "./page/routes.ts";
import { respondWithPage } from "./page/serve_document.ts";
import { forward } from "./subscriptions/forward.ts";
import { controlErrorResponse } from "./subscriptions/error_response.ts";
import { control, isAboutSubscriptions, livesByWakeToken } from "./subscriptions/routes.ts";
import { respondBeforeStart } from "./verbs/starting.ts";
import { welcome } from "./verbs/welcome.ts";

/** The protocol as a handler: every verb on its way to the storage and back. */
export function createRoutes(context: ServerContext): Handler {
  const { tracer } = context.config;
  const handler = countedRoutes(context);
  if (tracer === undefined) return handler;
  const subjectOf = (request: HttpRequest) => subjectIn(context, request);
  return (request, respond) => {
    // Nobody's work comes of these, and they come all the time.
    if (isUnlimited(context, request)) return handler(request, respond);
    handler(request, traceRequest(request, respond, tracer, subjectOf));
  };
}

/** What a request is about, as its span has it. */
function subjectIn({ config, names }: ServerContext, request: HttpRequest): RequestSubject {
  const { prefix } = config;
  const none = { route: undefined, stream: undefined };
  if (names.isControl(request)) {
    const isReserved = names.controlPath(request) !== undefined;
    return isReserved ? { ...none, route: `${prefix}/${RESERVED_SEGMENT}/*` } : none;
  }
  try {
    const stream = names.of(request);
    return { route: config.streamName === undefined ? `${prefix}/*` : undefined, stream };
  } catch {
    return none;
  }
}

function countedRoutes(context: ServerContext): Handler {
  if (context.config.metrics === undefined) {
    return (request, respond) => serve(context, request, respond);
  }
  const { requests, durations } = context.counters;
  return (request, respond) => {
    const timed = durations.begin();
    serve(context, request, (response) => {
      requests.add(request.method, response.status);
      if (timed !== undefined && !isLiveRead(request)) {
        durations.end(timed, context.names.routeOf(request), request.method);
      }
      respond(response);
    });
  };
}

function serve(context: ServerContext, request: HttpRequest, respond: Respond): void {
  const observer = context.config.requestLog?.observer;
  if (observer === undefined) return serveUnobserved(context, request, respond);
  serveUnobserved(context, request, observeRequest(request, respond, observer, context.clock));
}

function serveUnobserved(context: ServerContext, request: HttpRequest, respond: Respond): void {
  let extra: Readonly<HeaderFields> | undefined;
  try {
    extra = context.pages.check(request, context.names);
  } catch (error) {
    return respond(rejectionOf(context, request, error));
  }
  const respondHere = extra === undefined ? respond : withHeaders(extra, respond);
  const { authority } = context.config;
  if (authority === undefined) return limited(context, request, respondHere, undefined);
  guard(context, authority, request, respondHere);
}

/** Asks who sends a request, before anything is looked up for it, and serves it with their rights. */
function guard(
  context: ServerContext,
  authority: Authority,
  request: HttpRequest,
  respond: Respond,
): void {
  if (isOpen(context, request)) return limited(context, request, respond, NOBODY);
  const { failedTokens } = context;
  const verifying: Verifying | undefined = failedTokens &&
    ((verify) => failedTokens.verify(request, verify));
  try {
    const asker = authenticate(authority, request, context.clock, verifying);
    if (!(asker instanceof Promise)) return limited(context, request, respond, asker);
    const kept = keepBody(request);
    asker.then(
      (asker) => limited(context, kept, respond, asker),
      (error) => unauthorized(context, request, respond, error),
    );
  } catch (error) {
    unauthorized(context, request, respond, error);
  }
}

/** Who shows nothing, or nothing good, counts as an address. */
function unauthorized(
  context: ServerContext,
  request: HttpRequest,
  respond: Respond,
  error: unknown,
): void {
  admit(
    context,
    request,
    undefined,
    respond,
    (counted) => counted(rejectionOf(context, request, error)),
  );
}

/**
 * Hands a request on as far as its client's limits let it in.
 *
 * @param subject who asks, where a permit says so
 */
function admit(
  context: ServerContext,
  request: HttpRequest,
  subject: string | undefined,
  respond: Respond,
  next: (respond: Respond) => void,
): void {
  const { limits } = context;
  if (limits === undefined) return next(respond);
  const responseOf = (rejection: StreamError) => rejectionOf(context, request, rejection);
  limits.admit(request, subject, respond, next, responseOf);
}

/** The response where a request is refused before it is served, in the form of what it asks for. */
function rejectionOf(
  { names, counters }: ServerContext,
  request: HttpRequest,
  error: unknown,
): HttpResponse {
  const path = names.isStreamUrl(request) ? undefined : names.controlPath(request);
  return path !== undefined && isAboutSubscriptions(path)
    ? controlErrorResponse(counters, error, request)
    : errorResponse(counters, error, request);
}

function beforeStart(
  context: ServerContext,
  request: HttpRequest,
  respond: Respond,
  progress: StartProgress,
  asker: Asker,
): void {
  const respondTo = privately(asker, respond);
  try {
    // The page waits by itself until the streams can be served.
    const page = request.method === "OPTIONS" || context.names.isStreamUrl(request)
      ? undefined
      : respondWithPage(context, request);
    respondTo(page ?? respondBeforeStart(context, request, progress, asker));
  } catch (error) {
    respondTo(rejectionOf(context, request, error));
  }
}

/**
 * As far as the client's limits let it in; who asks for the health or the metrics isn't to be told of load.
 */
function limited(
  context: ServerContext,
  request: HttpRequest,
  respond: Respond,
  asker: Asker,
): void {
  // Most servers have no limits, and need no look at the URL for them.
  if (context.limits === undefined || isUnlimited(context, request)) {
    return route(context, request, respond, asker);
  }
  const subject = asker === NOBODY ? undefined : asker?.permit.subject;
  admit(context, request, subject, respond, (counted) => route(context, request, counted, asker));
}

function isUnlimited({ names }: ServerContext, request: HttpRequest): boolean {
  if (request.method === "OPTIONS") return true;
  if (names.isStreamUrl(request)) return false;
  return names.healthPart(request) !== undefined || names.isMetrics(request);
}

/**
 * Whether a request needs no credentials: it asks what this is, whether another may be sent, or for public
 * keys, or shows a wake's own token.
 */
function isOpen({ names }: ServerContext, request: HttpRequest): boolean {
  if (request.method === "OPTIONS") return true;
  if (names.isStreamUrl(request)) return false;
  if (names.isWelcome(request) || names.isUi(request) || names.isUiFolder(request)) return true;
  const part = names.healthPart(request);
  if (part === "live" || part === "ready") return true;
  const path = names.controlPath(request);
  if (path === undefined) return false;
  // A cookie that is no good any more can be taken back, too.
  if (isSession(path) && request.method === "DELETE") return true;
  return livesByWakeToken(path, request.method);
}

function withHeaders(extra: Readonly<HeaderFields>, respond: Respond): Respond {
  return (response) => {
    const headers = { ...response.headers, ...extra };
    // The page is in no other, whoever may use the streams.
    const { "cross-origin-resource-policy": policy } = response.headers;
    if (policy === "same-origin") headers["cross-origin-resource-policy"] = policy;
    const { vary } = response.headers;
    if (vary !== undefined && extra["vary"] !== undefined) {
      headers["vary"] = `${vary}, ${extra["vary"]}`;
    }
    respond({ ...response, headers });
  };
}

/** @param asker who sends it; `undefined` where everybody may do everything */
function route(
  context: ServerContext,
  request: HttpRequest,
  respond: Respond,
  asker: Asker,
): void {
  const isLogged = context.config.requestLog?.observer !== undefined;
  if (isLogged && asker !== undefined && asker !== NOBODY) {
    nameClient(request, asker.permit.subject);
  }
  const progress = context.config.starting?.();
  if (progress !== undefined) return beforeStart(context, request, respond, progress, asker);
  try {
    // An append responds by itself: a promise for its response would cost it more.
    if (
      request.method === "POST" && context.names.isStreamUrl(request) &&
      !isAboutSnapshot(request.url)
    ) {
      return append(context, request, respond, asker);
    }
    const respondTo = asker === undefined ? respond : privately(asker, respond);
    const response = dispatch(context, request, asker);
    if (response instanceof Promise) {
      response.then(
        respondTo,
        (error) => respondTo(errorResponse(context.counters, error, request)),
      );
    } else respondTo(response);
  } catch (error) {
    privately(asker, respond)(errorResponse(context.counters, error, request));
  }
}

function aboutSubscriptions(
  context: ServerContext,
  request: HttpRequest,
  path: string,
  asker: Asker,
): Promise<HttpResponse> {
  const { forwardControl } = context.config;
  return forwardControl === undefined
    ? control(context, request, path, asker)
    : forward(context, request, path, forwardControl);
}

function dispatch(
  context: ServerContext,
  request: HttpRequest,
  asker: Asker,
): Promise<HttpResponse> | HttpResponse {
  const { names } = context;
  const { method } = request;
  if (!names.isStreamUrl(request) && method !== "OPTIONS") {
    const part = names.healthPart(request);
    if (part !== undefined) return health(context, request, part, asker);
    if (names.isMetrics(request)) return metrics(context, request, asker);
    if (names.isListing(request)) return list(context, request, asker);
    const page = respondWithPage(context, request);
    if (page !== undefined) return page;
    if (names.isWelcome(request)) return welcome(context, request);
    const path = names.controlPath(request);
    if (path !== undefined && isSession(path)) return session(context, request);
    if (path !== undefined && isLivePath(path)) return live(context, request, path, asker);
    if (path !== undefined && isThePages(path)) return servePages(context, request, path, asker);
    if (path !== undefined && isAboutSubscriptions(path)) {
      return aboutSubscriptions(context, request, path, asker);
    }
  }
  // An append checks by itself, too.
  if (asker !== undefined && method !== "OPTIONS" && method !== "POST") {
    checkStreamRequest(asker, request, names.of(request));
  }
  if (isAboutSnapshot(request.url) && method !== "OPTIONS") return snapshot(context, request);
  switch (method) {
    case "POST":
      return new Promise((resolve) => append(context, request, resolve, asker));
    case "GET":
      return read(context, request, asker?.permit);
    case "HEAD":
      return head(context, request);
    case "PUT":
      return create(context, request, asker);
    case "PATCH":
      return change(context, request);
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
