import type { HttpRequest } from "../../http/handler.ts";
import { quote, StreamError } from "../../protocol/errors.ts";
import { STREAM_SNAPSHOT_OFFSET } from "../../protocol/headers.ts";

/** What says where a read of the stream itself begins, and how. */
const OF_READS = ["offset", "time", "tail", "last", "live"] as const;

/** What is hardly anything but `snapshot` misspelt; clients may have parameters of their own. */
const LIKE_SNAPSHOT = /^snap(?:shot.*)?$/i;

/** What `snapshot` may be: who says that it isn't meant gets neither it nor the stream. */
const VALUES: readonly string[] = ["", "true"];

/** Whether a stream's URL is about its snapshot. Each request asks, and most have no such word. */
export function isAboutSnapshot(url: string): boolean {
  const start = url.indexOf("?");
  if (start < 0) return false;
  // A name may be percent-encoded, in part as well.
  if (!url.includes("snapshot", start) && !url.includes("%", start)) return false;
  return new URLSearchParams(url.slice(start + 1)).has("snapshot");
}

/**
 * Checks that a request which changes a stream as a whole isn't meant for its snapshot, or for a part of it:
 * taken for the stream it would delete, or make, that.
 *
 * @throws {StreamError} `invalid_query`, or `invalid_header` where a proxy may have dropped the query
 */
export function checkWholeStream({ method, url, headers }: HttpRequest): void {
  if (headers.get(STREAM_SNAPSHOT_OFFSET) !== null) {
    throw new StreamError(
      { code: "invalid_header" },
      `A ${method} with Stream-Snapshot-Offset is for a snapshot, and the URL isn't: expected ` +
        "?snapshot at its end. A proxy on the way may have dropped it.",
    );
  }
  const start = url.indexOf("?");
  if (start < 0) return;
  for (const name of new URLSearchParams(url.slice(start + 1)).keys()) {
    if (!LIKE_SNAPSHOT.test(name) && (method !== "DELETE" || !isOfReads(name))) continue;
    throw new StreamError(
      { code: "invalid_query" },
      `The query has ${
        quote(name)
      }, and ${method} is for the whole stream: expected snapshot for ` +
        "its snapshot, or nothing.",
    );
  }
}

function isOfReads(name: string): boolean {
  return OF_READS.some((known) => known === name);
}

/** @throws {StreamError} `invalid_query` where the URL asks for the stream, too, or says no */
export function checkSnapshotQuery(url: string): void {
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  const unknown = query.getAll("snapshot").find((value) => !VALUES.includes(value));
  if (unknown !== undefined) {
    throw new StreamError(
      { code: "invalid_query" },
      `snapshot=${
        quote(unknown)
      } makes no sense: expected ?snapshot for the stream's snapshot, or ` +
        "a query without it for the stream.",
    );
  }
  const other = OF_READS.find((name) => query.has(name));
  if (other === undefined) return;
  throw new StreamError(
    { code: "invalid_query" },
    `The query has snapshot and ${other}: ask for the snapshot first, and then go on at its ` +
      "Stream-Snapshot-Offset.",
  );
}
