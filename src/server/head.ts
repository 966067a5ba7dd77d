import {
  STREAM_CLOSED,
  STREAM_EXPIRES_AT,
  STREAM_NEXT_OFFSET,
  STREAM_TTL,
} from "../protocol/headers.ts";
import { formatOffset } from "../protocol/offset.ts";
import type { Serving } from "./serving.ts";
import { COMMON_HEADERS, type HeaderFields, NO_STORE } from "./response.ts";

/** HEAD: what the stream is, its tail and whether it is closed (PROTOCOL §5.5). */
export async function head({ names, storage }: Serving, request: Request): Promise<Response> {
  const stream = await storage.head(names.of(request));
  const answer: HeaderFields = {
    ...COMMON_HEADERS,
    ...NO_STORE,
    "content-type": stream.contentType,
    [STREAM_NEXT_OFFSET]: formatOffset(stream.tail),
  };
  const { lifetime } = stream;
  if (lifetime.kind === "ttl") answer[STREAM_TTL] = String(lifetime.ttlSeconds);
  if (lifetime.kind === "until") {
    answer[STREAM_EXPIRES_AT] = new Date(lifetime.expiresAtMs).toISOString();
  }
  if (stream.closed) answer[STREAM_CLOSED] = "true";
  return new Response(null, { status: 200, headers: answer });
}
