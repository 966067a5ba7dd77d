import type { HeaderFields, HttpRequest, HttpResponse } from "../../http/handler.ts";
import {
  STREAM_CLOSED,
  STREAM_EXPIRES_AT,
  STREAM_NEXT_OFFSET,
  STREAM_TTL,
} from "../../protocol/headers.ts";
import { formatOffset } from "../../protocol/offset.ts";
import type { ServerContext } from "./context.ts";
import { COMMON_HEADERS, NO_STORE } from "../common/common_headers.ts";

/** HEAD: what the stream is, its tail and whether it is closed (PROTOCOL §5.5). */
export async function head(
  { names, storage }: ServerContext,
  request: HttpRequest,
): Promise<HttpResponse> {
  const stream = await storage.head(names.of(request));
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
  if (stream.closed) headers[STREAM_CLOSED] = "true";
  return { status: 200, headers, body: null };
}
