import type { Answer, HttpRequest } from "../../http/handler.ts";
import { after } from "../../storage/map_awaitable.ts";
import { answerChunk } from "./chunk_response.ts";
import { longPoll } from "./long_poll.ts";
import { parseReadQuery } from "./read_query.ts";
import type { Serving } from "../context.ts";
import { sse } from "./sse.ts";

/** GET: catch-up, or one of the live modes (PROTOCOL §5.6–5.8). */
export function read(serving: Serving, request: HttpRequest): Answer | Promise<Answer> {
  const name = serving.names.of(request);
  const query = parseReadQuery(request.url);
  if (query.live === "long-poll") return longPoll(serving, request, name, query);
  if (query.live === "sse") return sse(serving, request, name, query);
  const { storage, config } = serving;
  const chunk = storage.readBody === undefined
    ? storage.read(name, query.from, config.chunkBytes)
    : storage.readBody(name, query.from, config.chunkBytes, request.fileBody ?? "blob");
  return after(chunk, (chunk) => answerChunk(serving, request, name, chunk, query, undefined));
}
