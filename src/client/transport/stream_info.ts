import {
  isTrue,
  STREAM_CLOSED,
  STREAM_EARLIEST_OFFSET,
  STREAM_EXPIRES_AT,
  STREAM_TTL,
} from "../../protocol/headers.ts";
import { offsetIn } from "./append_request.ts";
import type { Connection } from "./connection.ts";
import { NOW } from "./place.ts";
import { type Retention, retentionIn } from "./retention.ts";

/** A stream's properties (PROTOCOL §5.5). */
export interface StreamInfo {
  /** Left out if the server doesn't say. */
  contentType?: string;
  /** The tail: the offset of the next append. */
  nextOffset: string;
  closed: boolean;
  /** It expires after this long without reads or writes. */
  ttlSeconds?: number;
  /** When it expires. */
  expiresAt?: Date;
  /** The first offset that can still be read; left out if nothing was trimmed (an extension). */
  earliestOffset?: string;
  /** How much of it is kept; left out if that is all (an extension). */
  retention?: Retention;
}

/**
 * The properties of a stream in the headers of a response.
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
  const earliestOffset = headers.get(STREAM_EARLIEST_OFFSET);
  const retention = retentionIn(headers);
  if (earliestOffset !== null) info.earliestOffset = earliestOffset;
  if (retention !== undefined) info.retention = retention;
  return info;
}

/**
 * Fetches a stream's properties, which doesn't count as a read (PROTOCOL §5.5).
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
 * Fetches a stream's headers, and remembers its content type.
 *
 * @throws {ClientError}
 */
export async function fetchHead<T>(
  connection: Connection,
  path: string,
  signal: AbortSignal | undefined,
  read: (headers: Headers) => T,
): Promise<T> {
  // A caching proxy may make a GET of it; with this query that reads only the tail, and isn't cached.
  const url = connection.urls.of(path, { offset: NOW });
  return await connection.request(
    { method: "HEAD", url, signal, repeatable: true },
    ({ headers }) => {
      connection.types.set(path, headers.get("content-type") ?? undefined);
      return read(headers);
    },
  );
}
