import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import {
  STREAM_CLOSED,
  STREAM_EXPIRES_AT,
  STREAM_NEXT_OFFSET,
  STREAM_TTL,
} from "../../protocol/headers.ts";
import { formatOffset } from "../../protocol/offset.ts";
import type { ServerContext } from "./context.ts";
import { addKeptHeaders } from "../common/kept.ts";
import { countAt, withOrdinals } from "../common/ordinals.ts";
import { parseOrdinals } from "./read_query.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";

/** HEAD: what the stream is, its tail and whether it is closed (PROTOCOL §5.5). */
export async function head(
  { names, storage }: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  const name = names.of(request);
  const stream = await storage.head(name);
  const headers: HeaderFields = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    "content-type": stream.contentType,
    [STREAM_NEXT_OFFSET]: formatOffset(stream.space, stream.tail),
  };
  const { lifetime } = stream;
  if (lifetime.kind === "ttl") headers[STREAM_TTL] = String(lifetime.ttlSeconds);
  if (lifetime.kind === "until") {
    headers[STREAM_EXPIRES_AT] = new Date(lifetime.expiresAtMs).toISOString();
  }
  addKeptHeaders(headers, stream);
  if (stream.closed) headers[STREAM_CLOSED] = "true";
  const response = { status: 200, headers, body: null };
  if (!wantsOrdinals(request.url)) return response;
  return withOrdinals(response, await countAt(storage, name, stream, stream.tail));
}

function wantsOrdinals(url: string): boolean {
  const start = url.indexOf("?");
  const value = start < 0 ? null : new URLSearchParams(url.slice(start + 1)).get("ordinals");
  return value !== null && parseOrdinals(value);
}
