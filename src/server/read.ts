import type { Answer, HttpRequest } from "../http/exchange.ts";
import { answerChunk } from "./chunk.ts";
import { longPoll } from "./long_poll.ts";
import { parseReadQuery } from "./read_query.ts";
import type { Serving } from "./serving.ts";
import { sse } from "./sse.ts";

/** GET: catch-up, or one of the live modes (PROTOCOL §5.6–5.8). */
export async function read(serving: Serving, request: HttpRequest): Promise<Answer> {
  const name = serving.names.of(request);
  const query = parseReadQuery(request.url);
  if (query.live === "long-poll") return await longPoll(serving, request, name, query);
  if (query.live === "sse") return await sse(serving, request, name, query);
  const { storage, config } = serving;
  const chunk = storage.readBody === undefined
    ? await storage.read(name, query.from, config.chunkBytes)
    : await storage.readBody(name, query.from, config.chunkBytes, request.fileBody ?? "blob");
  return answerChunk(serving, request, name, chunk, query, undefined);
}
