import type { SegmentRow } from "../../catalog/catalog.ts";
import { isJsonType } from "../../../../protocol/content_type.ts";
import { segmentPaths } from "../../directory/paths.ts";
import { FileWindow } from "../../directory/file_window.ts";
import type { OffsetRange } from "../check/finding.ts";
import { IndexRebuilder, type RebuiltSegment } from "./index_rebuilder.ts";
import type { RepairCatalog } from "./catalog.ts";
import { CATALOG_TABLES, integerOf, textOf } from "../scan/table_rows.ts";
import { isThere } from "../scan/format.ts";
import { checkedValues } from "./row_values.ts";
import type { RepairScope } from "./scope.ts";

interface NamedSegment {
  readonly segment: RebuiltSegment;
  readonly name: string | undefined;
}

/** A rebuilt index, and the latest time that the blocks before it can have. */
interface RebuiltIndex {
  readonly blocks: number;
  readonly firstMs: number;
}

/**
 * Rebuilds damaged and missing indexes of segments whose bytes are all there. A new checksum is that of
 * the bytes in the file now: it proves nothing.
 */
export async function repairIndexes(scope: RepairScope, catalog: RepairCatalog): Promise<void> {
  const changed: SegmentRow[] = [];
  // The newest first: an older block's time can't be later than that of the next one.
  const rows = catalog.database.prepare(`
    SELECT id, name, content_type, last_at_ms, base, bytes, blocks, "end", generation
    FROM segment JOIN stream ON id = stream_id ORDER BY stream_id, base DESC`);
  let streamId = 0;
  let laterMs = 0;
  for (const row of rows.iterate()) {
    if (integerOf(row.id) !== streamId) laterMs = integerOf(row.last_at_ms);
    streamId = integerOf(row.id);
    const base = integerOf(row.base);
    const segment = {
      header: { uuid: catalog.uuid, streamId, base },
      bytes: integerOf(row.bytes),
      blocks: integerOf(row.blocks),
      isJson: isJsonType(textOf(row.content_type) ?? ""),
      laterMs,
    };
    const rebuilt = await repairIndex(scope, { segment, name: textOf(row.name) });
    if (rebuilt === undefined) continue;
    laterMs = rebuilt.firstMs;
    if (rebuilt.blocks === segment.blocks) continue;
    const end = integerOf(row.end);
    const generation = integerOf(row.generation);
    const { bytes } = segment;
    changed.push({ streamId, base, bytes, blocks: rebuilt.blocks, end, generation });
  }
  if (changed.length === 0) return;
  const { columns } = CATALOG_TABLES.segment;
  await catalog.edit((database) => {
    const insert = database.prepare("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)");
    for (const { streamId: id, ...extent } of changed) {
      insert.run(...checkedValues({ stream_id: id, ...extent }, columns));
    }
  });
}

/** Undefined where the segment itself isn't whole: then its index stays as it is. */
async function repairIndex(
  scope: RepairScope,
  named: NamedSegment,
): Promise<RebuiltIndex | undefined> {
  const { fileSystem, paths } = scope;
  const { segment } = named;
  const { log, index } = segmentPaths(paths.segments, segment.header.streamId, segment.header.base);
  if (!isThere(fileSystem, log)) return undefined;
  const logFile = fileSystem.open(log, "read");
  const indexFile = isThere(fileSystem, index) ? fileSystem.open(index, "read") : undefined;
  try {
    const window = new FileWindow(logFile);
    if (window.sizeBytes < segment.bytes) return undefined;
    const indexWindow = indexFile && new FileWindow(indexFile);
    const rebuilder = new IndexRebuilder(segment, window, indexWindow);
    if (!rebuilder.isWhole()) return await rebuild(scope, named, index, rebuilder);
    const first = rebuilder.entries().next();
    return first.done ? undefined : { blocks: segment.blocks, firstMs: first.value.entry.atMs };
  } finally {
    indexFile?.close();
    logFile.close();
  }
}

async function rebuild(
  { quarantine, report }: RepairScope,
  { segment, name }: NamedSegment,
  path: string,
  rebuilder: IndexRebuilder,
): Promise<RebuiltIndex> {
  let blocks = 0;
  let firstMs: number | undefined;
  let range: OffsetRange | undefined;
  let at = segment.header.base;
  for (const { entry, isProven } of rebuilder.entries()) {
    blocks++;
    firstMs ??= entry.atMs;
    if (!isProven) range = { from: range?.from ?? at, to: entry.end };
    at = entry.end;
  }
  await quarantine.replace(path, rebuilder.parts());
  const stream = { id: segment.header.streamId, name };
  if (range === undefined) {
    const message =
      "the index was made anew; the checksums of all blocks are those that were written";
    report({ outcome: "repaired", path, message, stream });
    return { blocks, firstMs: firstMs ?? 0 };
  }
  const boundaries = segment.isJson
    ? ""
    : ", where messages ended isn't known and they are cut at line ends";
  const message =
    "the index was made anew from the bytes that are there: nothing shows whether they " +
    `are those that were written${boundaries}; their time is the latest that it can be`;
  report({ outcome: "unproven", path, message, stream, range });
  return { blocks, firstMs: firstMs ?? 0 };
}
