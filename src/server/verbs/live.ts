import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { LIVE_PATH } from "../../protocol/live_events.ts";
import { type Asker, requireAny } from "../access/guard.ts";
import { COMMON_HEADERS, NO_CACHE, NO_STORE } from "../common/common_headers.ts";
import type { LiveRequest } from "../live/live_hub.ts";
import type { ServerContext } from "./context.ts";
import { parseLiveBody, parseLiveChange, parseLiveQuery } from "./live_request.ts";

/** Whether what follows `__ds/` is about connections that follow many streams. */
export function isLivePath(path: string): boolean {
  return path === LIVE_PATH || path.startsWith(`${LIVE_PATH}/`);
}

/**
 * GET or POST of `__ds/live`: many streams as one response of server-sent events; POST of `__ds/live/ID`:
 * a change of what that connection follows (an extension; `docs/LIVE.md`).
 *
 * @throws {StreamError} `method_not_allowed`, `invalid_query`, `invalid_json`, `invalid_name`,
 * `invalid_offset`, `too_many_streams`, `too_many_readers`, `not_found`, `forbidden`
 */
export async function live(
  context: ServerContext,
  request: HttpRequest,
  path: string,
  asker: Asker,
): Promise<HttpResponse> {
  const { method } = request;
  const id = path.slice(LIVE_PATH.length + 1);
  if (id !== "") {
    checkMethod(method, ["POST"]);
    return await change(context, request, id, asker);
  }
  checkMethod(method, ["GET", "POST"]);
  const wanted = method === "GET"
    ? parseLiveQuery(request)
    : parseLiveBody(await context.bodies.read(request), context.config.maxLiveStreams);
  if (wanted.patterns.length > 0) checkPatterns(context, request, asker);
  if (isOver(wanted)) {
    return { status: 204, headers: { ...COMMON_HEADERS, ...NO_STORE }, body: null };
  }
  return {
    status: 200,
    headers: {
      ...COMMON_HEADERS,
      ...NO_CACHE,
      "content-type": "text/event-stream",
      "x-accel-buffering": "no",
      "vary": "last-event-id",
    },
    body: context.live.open(wanted, asker, request.signal),
  };
}

/** Whether a client that comes back knows the end of all: a 204 tells `EventSource` not to come again. */
function isOver({ streams, endedNames, others, patterns }: LiveRequest): boolean {
  return others.length === 0 && patterns.length === 0 && endedNames.size === streams.length;
}

/** A pattern tells which streams there are, as the listing does. */
function checkPatterns({ config, pages }: ServerContext, request: HttpRequest, asker: Asker): void {
  requireAny(asker, "list");
  pages.checkListing(request);
  if (config.listing) return;
  throw new StreamError(
    { code: "forbidden" },
    "This server doesn't tell which streams there are, so that patterns can't be followed: start it with " +
      "--listing, or DURABLE_STREAMS_LISTING=true (createApp has the option listing).",
  );
}

async function change(
  { bodies, config, live }: ServerContext,
  request: HttpRequest,
  connection: string,
  asker: Asker,
): Promise<HttpResponse> {
  const { add, remove } = parseLiveChange(await bodies.read(request), config.maxLiveStreams);
  const change = { connection, subject: asker?.permit.subject, add, remove };
  const isDone = live.change(change) || await config.shareLiveChange?.(change) === true;
  if (isDone) return { status: 204, headers: { ...COMMON_HEADERS, ...NO_STORE }, body: null };
  throw new StreamError(
    { code: "not_found" },
    `There is no connection ${
      quote(connection)
    } of yours: open a new one at ${LIVE_PATH}, with all that ` +
      "it is to follow.",
  );
}

function checkMethod(method: string, taken: readonly string[]): void {
  if (taken.includes(method)) return;
  throw new StreamError(
    { code: "method_not_allowed", allowed: [...taken, "OPTIONS"].join(", ") },
    `This URL doesn't take the method ${quote(method)}: expected ${taken.join(" or ")}.`,
  );
}
