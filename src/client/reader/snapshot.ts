import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import { STREAM_SNAPSHOT_OFFSET } from "../../protocol/headers.ts";
import { ClientError } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";
import type { Connection } from "../transport/connection.ts";

/** An application's state as of an offset of a stream (an extension of this project's server). */
export class Snapshot {
  readonly bytes: Bytes;
  readonly contentType: string;
  /** The place up to which the stream is in it: a reader that begins here goes on from it. */
  readonly offset: string;

  constructor(bytes: Bytes, contentType: string, offset: string) {
    this.bytes = bytes;
    this.contentType = contentType;
    this.offset = offset;
  }

  /**
   * The state's value.
   *
   * @throws {ClientError} `invalid_message` if it is not JSON
   */
  json<T = unknown>(): T {
    try {
      const value: T = JSON.parse(this.text());
      return value;
    } catch (error) {
      throw new ClientError("invalid_message", `The snapshot is not JSON: ${reasonOf(error)}`, {
        offset: this.offset,
        cause: error,
      });
    }
  }

  /** The state as text; invalid UTF-8 becomes U+FFFD. */
  text(): string {
    return decodeUtf8(this.bytes);
  }
}

/** The URL of a stream's snapshot. */
export function snapshotUrl({ urls }: Connection, path: string): string {
  return urls.of(path, { snapshot: "" });
}

/**
 * The offset of a snapshot that a response names.
 *
 * @throws {ClientError} `unsupported` where it is no answer of a server that keeps snapshots
 */
export function snapshotOffsetIn(headers: Headers): string {
  const offset = headers.get(STREAM_SNAPSHOT_OFFSET);
  if (offset !== null) return offset;
  throw new ClientError("unsupported", "The server keeps no snapshots.");
}

/**
 * The newest snapshot of a stream; `undefined` where there is none.
 *
 * @throws {ClientError} `not_found`, `gone`, `unsupported`
 */
export async function fetchSnapshot(
  connection: Connection,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Snapshot | undefined> {
  try {
    return await connection.request({
      method: "GET",
      url: snapshotUrl(connection, path),
      signal,
      repeatable: true,
    }, ({ headers, body }) => {
      const offset = snapshotOffsetIn(headers);
      return new Snapshot(body, headers.get("content-type") ?? "", offset);
    });
  } catch (error) {
    if (isNoSnapshot(error)) return undefined;
    throw error;
  }
}

/** Whether a stream is there, and has no snapshot. */
export function isNoSnapshot(error: unknown): error is ClientError {
  return error instanceof ClientError && error.serverCode === "snapshot_not_found";
}
