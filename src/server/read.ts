import { quote, StreamError } from "../protocol/errors.ts";
import { parseReadOffset, type ReadFrom } from "../protocol/offset.ts";
import { answerChunk } from "./chunk.ts";
import { longPoll } from "./long_poll.ts";
import type { Serving } from "./serving.ts";
import { sse } from "./sse.ts";

/** What a GET's query asks for. */
export interface ReadQuery {
  from: ReadFrom;
  live: "no" | "long-poll" | "sse";
  cursor: string | null;
}

/** GET: catch-up, or one of the live modes (PROTOCOL §5.6–5.8). */
export async function read(serving: Serving, request: Request): Promise<Response> {
  const name = serving.names.of(request);
  const query = parseReadQuery(request.url);
  if (query.live === "long-poll") return await longPoll(serving, request, name, query);
  if (query.live === "sse") return await sse(serving, request, name, query);
  const chunk = await serving.storage.read(name, query.from, serving.config.chunkBytes);
  return answerChunk(serving, request, name, chunk, query, undefined);
}

/** What the query of a stream's URL asks for; parameters that aren't the protocol's are ignored. */
function parseReadQuery(url: string): ReadQuery {
  const start = url.indexOf("?");
  if (start < 0) return { from: 0, live: "no", cursor: null };
  const parameters = new URLSearchParams(url.slice(start + 1));
  const live = parseLive(parameters.get("live"));
  const offsets = parameters.getAll("offset");
  if (offsets.length > 1) {
    throw new StreamError(
      { code: "invalid_query" },
      `The query has ${offsets.length} offsets: a read begins at one.`,
    );
  }
  const [token] = offsets;
  if (token === undefined && live !== "no") {
    throw new StreamError(
      { code: "invalid_query" },
      `live=${live} needs an offset: -1 for the start, now for the tail, or a Stream-Next-Offset value.`,
    );
  }
  return {
    from: token === undefined ? 0 : parseReadOffset(token),
    live,
    cursor: parameters.get("cursor"),
  };
}

function parseLive(value: string | null): ReadQuery["live"] {
  if (value === null) return "no";
  if (value === "long-poll" || value === "sse") return value;
  throw new StreamError(
    { code: "invalid_query" },
    `live=${quote(value)} is not a way to read: expected long-poll or sse.`,
  );
}
