import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { formatOffset } from "../../protocol/offset.ts";
import type { ListedStream, ListPage, ListRequest } from "../../storage/storage.ts";
import { listGranted } from "../access/granted_list.ts";
import { type Asker, requireAny } from "../access/guard.ts";
import { jsonResponse } from "../common/json_response.ts";
import type { ServerContext } from "./context.ts";

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const METHODS = "GET, OPTIONS";

/** GET of the listing: a page of the streams there are, as JSON (an extension; PROTOCOL §6). */
export async function list(
  context: ServerContext,
  request: HttpRequest,
  asker?: Asker,
): Promise<HttpResponse> {
  requireAny(asker, "list");
  if (!context.config.listing) {
    throw new StreamError(
      { code: "not_found" },
      "This server doesn't list its streams: start it with --listing, or DURABLE_STREAMS_LISTING=true " +
        "(createApp has the option listing).",
    );
  }
  if (request.method !== "GET") {
    throw new StreamError(
      { code: "method_not_allowed", allowed: METHODS },
      `The listing doesn't take the method ${quote(request.method)}: expected one of ${METHODS}.`,
    );
  }
  const { streams, next } = await page(context, parseListQuery(request.url), asker);
  return jsonResponse(200, JSON.stringify({ streams: streams.map(toJson), next }));
}

function page({ storage }: ServerContext, request: ListRequest, asker: Asker): Promise<ListPage> {
  return asker === undefined ? storage.list(request) : listGranted(storage, asker, request);
}

function toJson(stream: ListedStream): Record<string, unknown> {
  const { name, contentType, space, tail, closed, lifetime } = stream;
  const json: Record<string, unknown> = {
    name,
    contentType,
    nextOffset: formatOffset(space, tail),
    closed,
  };
  // Who copies streams makes forks of them again by it.
  if (typeof space !== "number") json["forkOffset"] = formatOffset(space, space.point);
  if (stream.earliest > 0) json["earliestOffset"] = formatOffset(space, stream.earliest);
  if (lifetime.kind === "ttl") json["ttlSeconds"] = lifetime.ttlSeconds;
  if (lifetime.kind === "until") json["expiresAt"] = new Date(lifetime.expiresAtMs).toISOString();
  return json;
}

/** Parameters that the listing doesn't know are ignored, as those of a read are. */
function parseListQuery(url: string): ListRequest {
  const parameters = new URL(url).searchParams;
  const limit = single(parameters, "limit");
  return {
    prefix: single(parameters, "prefix"),
    after: single(parameters, "after"),
    limit: limit === undefined ? DEFAULT_LIMIT : parseLimit(limit),
  };
}

function single(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length <= 1) return values[0];
  throw new StreamError(
    { code: "invalid_query" },
    `The query has ${values.length} times ${name}: a listing takes one.`,
  );
}

function parseLimit(value: string): number {
  const limit = /^[0-9]+$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new StreamError(
    { code: "invalid_query" },
    `limit=${quote(value)} is not a number of streams: expected 1 to ${MAX_LIMIT}, or none for ` +
      `${DEFAULT_LIMIT}.`,
  );
}
