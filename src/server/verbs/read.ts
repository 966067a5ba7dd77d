import type { Permit } from "../../access/permit.ts";
import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { mapAwaitable } from "../../storage/map_awaitable.ts";
import { chunkResponse } from "./chunk_response.ts";
import { longPoll } from "./long_poll.ts";
import { parseReadQuery } from "./read_query.ts";
import type { ServerContext } from "./context.ts";
import { sse } from "./sse.ts";

/**
 * GET: catch-up, or one of the live modes (PROTOCOL §5.6–5.8).
 *
 * @param permit a live read ends with it
 */
export function read(
  context: ServerContext,
  request: HttpRequest,
  permit?: Permit,
): HttpResponse | Promise<HttpResponse> {
  const name = context.names.of(request);
  const query = parseReadQuery(request.url);
  if (query.live === "long-poll") return longPoll(context, request, name, query, permit);
  if (query.live === "sse") return sse(context, request, name, query, permit);
  const { storage, config } = context;
  const chunk = storage.readBody === undefined
    ? storage.read(name, query.from, config.chunkBytes)
    : storage.readBody(name, query.from, config.chunkBytes, request.fileBody ?? "blob");
  return mapAwaitable(
    chunk,
    (chunk) => chunkResponse(context, request, name, chunk, query, undefined),
  );
}
