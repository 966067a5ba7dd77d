import { isTrue, STREAM_CLOSED, STREAM_EXPIRES_AT, STREAM_TTL } from "../../protocol/headers.ts";
import { offsetIn } from "./append_request.ts";
import type { Connection } from "./connection.ts";
import { NOW } from "./place.ts";

/** What a stream is (PROTOCOL §5.5). */
export interface StreamInfo {
  /** Left out where the server doesn't tell. */
  contentType?: string;
  /** The tail: where the next append goes. */
  nextOffset: string;
  closed: boolean;
  /** How long it lives without being read or written. */
  ttlSeconds?: number;
  /** When it ends. */
  expiresAt?: Date;
}

/**
 * What the headers of an answer say of a stream.
 *
 * @throws {ClientError} `invalid_response`
 */
export function streamInfoIn(headers: Headers): StreamInfo {
  const info: StreamInfo = {
    nextOffset: offsetIn(headers),
    closed: isTrue(headers.get(STREAM_CLOSED)),
  };
  const contentType = headers.get("content-type");
  const ttl = headers.get(STREAM_TTL);
  const expiresAt = headers.get(STREAM_EXPIRES_AT);
  if (contentType !== null) info.contentType = contentType;
  if (ttl !== null) info.ttlSeconds = Number(ttl);
  if (expiresAt !== null) info.expiresAt = new Date(expiresAt);
  return info;
}

/**
 * Asks what a stream is, which doesn't count as reading it (PROTOCOL §5.5).
 *
 * @throws {ClientError}
 */
export async function fetchStreamInfo(
  connection: Connection,
  path: string,
  signal: AbortSignal | undefined,
): Promise<StreamInfo> {
  return await fetchHead(connection, path, signal, streamInfoIn);
}

/**
 * Asks for a stream's headers, and remembers its content type.
 *
 * @throws {ClientError}
 */
export async function fetchHead<T>(
  connection: Connection,
  path: string,
  signal: AbortSignal | undefined,
  read: (headers: Headers) => T,
): Promise<T> {
  // A proxy that caches may make a GET of it, for which the query asks for the tail, and never an old one.
  const url = connection.urls.of(path, { offset: NOW });
  return await connection.request(
    { method: "HEAD", url, signal, repeatable: true },
    ({ headers }) => {
      connection.types.set(path, headers.get("content-type") ?? undefined);
      return read(headers);
    },
  );
}
