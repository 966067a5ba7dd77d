import { StreamError } from "../../protocol/errors.ts";

/** What says where a read of the stream itself begins, and how. */
const OF_READS = ["offset", "time", "tail", "last", "live"] as const;

/** Whether a stream's URL is about its snapshot. Each request asks, and most have no such word. */
export function isAboutSnapshot(url: string): boolean {
  const start = url.indexOf("?");
  if (start < 0 || !url.includes("snapshot", start)) return false;
  return new URLSearchParams(url.slice(start + 1)).has("snapshot");
}

/** @throws {StreamError} `invalid_query` where the URL asks for the stream, too */
export function checkSnapshotQuery(url: string): void {
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  const other = OF_READS.find((name) => query.has(name));
  if (other === undefined) return;
  throw new StreamError(
    { code: "invalid_query" },
    `The query has snapshot and ${other}: ask for the snapshot first, and then go on at its ` +
      "Stream-Snapshot-Offset.",
  );
}
