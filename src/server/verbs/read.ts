import type { Permit } from "../../access/permit.ts";
import type { HttpRequest, HttpResponse } from "../../http/handler.ts";
import { mapAwaitable } from "../../storage/map_awaitable.ts";
import { chunkResponse } from "./chunk_response.ts";
import { longPoll } from "./long_poll.ts";
import type { ServerContext } from "./context.ts";
import { sse } from "./sse.ts";
import { checkOrdinals, countAt, withOrdinals } from "../common/ordinals.ts";
import { parseReadQuery, type ReadQuery } from "./read_query.ts";

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
  if (query.ordinals) return readCounted(context, request, name, query);
  const { storage, config } = context;
  const chunk = storage.readBody === undefined
    ? storage.read(name, query.from, config.chunkBytes)
    : storage.readBody(name, query.from, config.chunkBytes, request.fileBody ?? "blob");
  return mapAwaitable(
    chunk,
    (chunk) => chunkResponse(context, request, name, chunk, query, undefined),
  );
}

async function readCounted(
  context: ServerContext,
  request: HttpRequest,
  name: string,
  query: ReadQuery,
): Promise<HttpResponse> {
  const { storage, config } = context;
  checkOrdinals(storage);
  const chunk = await storage.read(name, query.from, config.chunkBytes);
  const count = await countAt(storage, name, chunk, chunk.next);
  return withOrdinals(
    await chunkResponse(context, request, name, chunk, query, undefined),
    count,
  );
}
