import type { DatabaseSync } from "node:sqlite";
import { INDEX_ENTRY_BYTES, INDEX_HEADER_BYTES } from "../../segments/index_format.ts";
import { parseSegmentName, segmentFolder, segmentPaths } from "../../directory/paths.ts";
import { withWindow } from "../../directory/file_window.ts";
import { walkIndex } from "../scan/index_walk.ts";
import { CATALOG_TABLES, integerOf, textOf } from "../scan/table_rows.ts";
import { isThere } from "../scan/format.ts";
import { checkedValues } from "./row_values.ts";
import type { RepairScope } from "./scope.ts";

interface Extent {
  readonly base: number;
  readonly bytes: number;
  readonly blocks: number;
  readonly end: number;
  readonly generation: number;
}

/** Rebuilds missing rows of segments from their files' names and their indexes. */
export function repairSegmentRows(scope: RepairScope, database: DatabaseSync): void {
  const streams = database.prepare(
    "SELECT id, name, coalesce(fork_point, 0) AS start, tail - length(rest) AS end FROM stream",
  );
  const segments = database.prepare(
    'SELECT base, "end" FROM segment WHERE stream_id = ?1 ' +
      'UNION ALL SELECT base, "end" FROM block WHERE stream_id = ?1 ORDER BY base',
  );
  const insert = database.prepare("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (const row of streams.all()) {
    const id = integerOf(row.id);
    const end = integerOf(row.end);
    let at = integerOf(row.start);
    const next = [...segments.all(id), { base: end, end }];
    for (const { base, end } of next) {
      while (at < integerOf(base)) {
        const found = extentAt(scope, id, at, integerOf(base));
        if (found === undefined) break;
        const values = { stream_id: id, ...found };
        insert.run(...checkedValues(values, CATALOG_TABLES.segment.columns));
        scope.report({
          outcome: "repaired",
          path: scope.paths.catalog,
          message: `the row of segment ${found.base} was made anew from its files`,
          stream: { id, name: textOf(row.name) },
          range: { from: found.base, to: found.end },
        });
        at = found.end;
      }
      at = Math.max(at, integerOf(end));
    }
  }
}

/** The extent of a segment by its files; it ends at `limit` or where its index does before that. */
function extentAt(
  scope: RepairScope,
  id: number,
  base: number,
  limit: number,
): Extent | undefined {
  const { fileSystem } = scope;
  const compacted = compactedExtentAt(scope, id, base, limit);
  if (compacted !== undefined) return compacted;
  const { log, index } = segmentPaths(scope.paths.segments, id, base);
  if (!isThere(fileSystem, log)) return undefined;
  const logBytes = withWindow(fileSystem, log, ({ sizeBytes }) => sizeBytes);
  const indexed = isThere(fileSystem, index)
    ? withWindow(fileSystem, index, (window) => {
      let end = base;
      let last = INDEX_HEADER_BYTES;
      for (const { position, entry } of walkIndex(window)) {
        if (entry === undefined || entry.end > limit || base + entry.filePosition !== end) break;
        end = entry.end;
        last = position + INDEX_ENTRY_BYTES;
      }
      return { end, blocks: (last - INDEX_HEADER_BYTES) / INDEX_ENTRY_BYTES };
    })
    : { end: base, blocks: 0 };
  const bytes = indexed.end - base;
  const place = { base, generation: 0 };
  if (bytes > 0 && bytes <= logBytes) return { ...place, bytes, ...indexed };
  // Without its index the segment is taken to be as long as it has to be; the index is rebuilt then.
  return logBytes >= limit - base
    ? { ...place, bytes: limit - base, blocks: 0, end: limit }
    : undefined;
}

/**
 * The newest of the segment's files that were written anew, if there are any with a whole index: one that
 * another segment follows, since a compaction may have been cut short.
 */
function compactedExtentAt(
  { fileSystem, paths }: RepairScope,
  id: number,
  base: number,
  limit: number,
): Extent | undefined {
  const folder = segmentFolder(paths.segments, id);
  const files = (fileSystem.list(folder) ?? []).flatMap((name) => {
    const segment = parseSegmentName(name);
    return segment?.streamId === id ? [segment] : [];
  });
  const generations = files.flatMap((file) =>
    file.base === base && file.generation > 0 ? [file.generation] : []
  );
  const isFollowed = (end: number) => end === limit || files.some(({ base }) => base === end);
  for (const generation of [...new Set(generations)].sort((a, b) => b - a)) {
    const { log, index } = segmentPaths(paths.segments, id, base, generation);
    if (!isThere(fileSystem, log) || !isThere(fileSystem, index)) continue;
    const bytes = withWindow(fileSystem, log, ({ sizeBytes }) => sizeBytes);
    const entries = withWindow(fileSystem, index, (window) => [...walkIndex(window)]);
    const last = entries.at(-1)?.entry;
    const isWhole = entries.every(({ entry }) => entry !== undefined);
    if (!isWhole || last === undefined || last.end > limit || last.filePosition >= bytes) continue;
    if (!isFollowed(last.end)) continue;
    return { base, bytes, blocks: entries.length, end: last.end, generation };
  }
  return undefined;
}
