import { isJsonType } from "../../../../protocol/content_type.ts";
import { messageEnds } from "../../../../protocol/json.ts";
import { countMessages } from "../../segments/count_messages.ts";
import {
  decodeIndexEntry,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
  putIndexEntry,
} from "../../segments/index_format.ts";
import { FileWindow, withWindow } from "../../directory/file_window.ts";
import { segmentPaths } from "../../directory/paths.ts";
import type { FilePart } from "../../directory/quarantine.ts";
import type { SqlRow } from "../../catalog/schema.ts";
import { isThere } from "../scan/format.ts";
import { CATALOG_TABLES, integerOf, textOf } from "../scan/table_rows.ts";
import { blocksEnds } from "./block_rows.ts";
import type { RepairCatalog } from "./catalog.ts";
import { UNCOUNTED } from "./index_rebuilder.ts";
import { checkedValues } from "./row_values.ts";
import type { RepairScope } from "./scope.ts";

/** A segment whose entries are to be counted. */
interface CountedSegment {
  readonly streamId: number;
  readonly base: number;
  readonly generation: number;
  readonly bytes: number;
  readonly end: number;
  readonly blocks: number;
  readonly isJson: boolean;
  /** How many messages its stream's row says that there are up to its end, where it is the last one. */
  readonly atEnd: number | undefined;
  /** How many there can be up to its end by what comes behind it. */
  most(): number;
}

/** Where a segment is, and how many entries it has. */
type SegmentPlace = Pick<
  CountedSegment,
  "streamId" | "base" | "generation" | "bytes" | "end" | "blocks"
>;

/**
 * Counts the messages of entries that were made anew, and of a JSON stream's that count wrongly; brings the
 * rows of streams to what their indexes count. Where the messages of a byte stream ended isn't known any
 * more: a block is one of them then.
 */
export async function repairMessageCounts(
  scope: RepairScope,
  catalog: RepairCatalog,
): Promise<void> {
  // What would be made anew isn't there to be counted.
  if (scope.quarantine.isDryRun) return;
  const streams = catalog.database.prepare("SELECT * FROM stream ORDER BY id");
  const segments = catalog.database.prepare(
    'SELECT base, generation, bytes, "end", blocks FROM segment WHERE stream_id = ? ORDER BY base',
  );
  const blocksEndOf = blocksEnds(catalog.database);
  const wrong: Record<string, SqlRow[string]>[] = [];
  for (const row of streams.iterate()) {
    const streamId = integerOf(row.id);
    const isJson = isJsonType(textOf(row.content_type) ?? "");
    let messages: number | undefined = 0;
    let at = integerOf(row.fork_point);
    const stored = integerOf(row.messages) - integerOf(row.rest_messages);
    const places = segments.all(streamId).map((place) => ({
      streamId,
      base: integerOf(place.base),
      generation: integerOf(place.generation),
      bytes: integerOf(place.bytes),
      end: integerOf(place.end),
      blocks: integerOf(place.blocks),
    }));
    const blocksEnd = blocksEndOf(streamId);
    const behind = new CountsBehind(scope, places, stored);
    for (const [i, place] of places.entries()) {
      const isLast = i === places.length - 1 && blocksEnd === undefined;
      const atEnd = isLast ? stored : undefined;
      const segment = { ...place, isJson, atEnd, most: () => behind.mostUpTo(i) };
      // How many were trimmed, or are lost, only the index knows.
      const before: number | undefined = place.base === at ? messages : undefined;
      messages = await repairSegment(scope, segment, before);
      at = place.end;
    }
    // A block in the catalogue is as it was written, and so is what it counts.
    if (blocksEnd !== undefined) ({ end: at, messages } = blocksEnd);
    const isAll = at === integerOf(row.tail) - restBytes(row).length;
    if (messages === undefined || !isAll) continue;
    const rest = restMessages(row, isJson);
    if (integerOf(row.messages) === messages + rest && integerOf(row.rest_messages) === rest) {
      continue;
    }
    wrong.push({ ...row, messages: messages + rest, rest_messages: rest });
  }
  if (wrong.length === 0) return;
  const { columns } = CATALOG_TABLES.stream;
  const assignments = [...columns, "crc32"].map((column) => `${column} = ?`).join(", ");
  await catalog.edit((database) => {
    const update = database.prepare(`UPDATE stream SET ${assignments} WHERE id = ?`);
    for (const row of wrong) update.run(...checkedValues(row, columns), integerOf(row.id));
  });
  for (const row of wrong) {
    scope.report({
      outcome: "repaired",
      path: scope.paths.catalog,
      message: `the stream's messages were counted anew: ${integerOf(row.messages)}`,
      stream: { id: integerOf(row.id), name: textOf(row.name) },
    });
  }
}

function restBytes({ rest }: SqlRow): Uint8Array {
  return rest instanceof Uint8Array ? rest : new Uint8Array(0);
}

function restMessages(row: SqlRow, isJson: boolean): number {
  const rest = restBytes(row);
  if (isJson) return messageEnds(rest).length;
  return rest.length === 0 ? 0 : Math.max(1, integerOf(row.rest_messages));
}

/**
 * @param before how many messages come before the segment, where that is known
 * @returns how many there are up to its end, where that is known
 */
async function repairSegment(
  { fileSystem, paths, quarantine }: RepairScope,
  segment: CountedSegment,
  before: number | undefined,
): Promise<number | undefined> {
  const { streamId, base, generation } = segment;
  const { log, index } = segmentPaths(paths.segments, streamId, base, generation);
  if (!isThere(fileSystem, index) || !isThere(fileSystem, log)) return undefined;
  const indexFile = fileSystem.open(index, "read");
  const logFile = fileSystem.open(log, "read");
  try {
    const entries = new FileWindow(indexFile);
    // How many messages are missing in its gaps only the index knows: nothing of it is ever made anew.
    if (segment.end - base !== segment.bytes) return lastCount(entries, segment);
    const log = new FileWindow(logFile);
    const counted = () => countedEntries(entries, log, segment, before);
    let isCounted = true;
    let last: CountedEntry | undefined;
    for (const entry of counted()) {
      isCounted &&= entry.written === entry.messages;
      last = entry;
    }
    if (!isCounted) await quarantine.replace(index, partsOf(entries, counted()));
    const end = INDEX_HEADER_BYTES + segment.blocks * INDEX_ENTRY_BYTES;
    return last?.position === end - INDEX_ENTRY_BYTES ? last.messages : undefined;
  } finally {
    indexFile.close();
    logFile.close();
  }
}

/** What the last entry counts, if it checks. */
function lastCount(entries: FileWindow, { blocks }: CountedSegment): number | undefined {
  const position = INDEX_HEADER_BYTES + (blocks - 1) * INDEX_ENTRY_BYTES;
  return decodeIndexEntry(entries.bytes(position, INDEX_ENTRY_BYTES), 0)?.messages;
}

/** An entry with the number that it should have. */
interface CountedEntry {
  readonly position: number;
  readonly entry: IndexEntry;
  readonly written: number;
  readonly messages: number;
}

/**
 * The entries that check, with what they should count: in a JSON stream what the blocks have, where it is
 * known how many come before and the block is as it was written; in any other what is written, where it is.
 */
function* countedEntries(
  index: FileWindow,
  log: FileWindow,
  segment: CountedSegment,
  before: number | undefined,
): Generator<CountedEntry> {
  const { base, blocks, isJson } = segment;
  let messages = before ?? 0;
  let isKnown = before !== undefined;
  let known: KnownCount = { block: -1, messages: undefined };
  for (let block = 0; block < blocks; block++) {
    const position = INDEX_HEADER_BYTES + block * INDEX_ENTRY_BYTES;
    const entry = decodeIndexEntry(index.bytes(position, INDEX_ENTRY_BYTES), 0);
    if (entry === undefined) continue;
    const { filePosition, end, messages: written } = entry;
    const isTrusted = written !== UNCOUNTED &&
      !(isJson && isKnown && log.checksum(filePosition, end - base) === entry.checksum);
    isKnown ||= written !== UNCOUNTED;
    if (isTrusted) messages = written;
    else if (isJson) messages += Math.max(1, countMessages(log, filePosition, end - base));
    else {
      if (known.block < block) known = knownAfter(index, blocks, block);
      messages = guess(segment, block, messages, known);
    }
    yield { position, entry, written, messages };
  }
}

/** The next entry that counts already. */
interface KnownCount {
  readonly block: number;
  readonly messages: number | undefined;
}

/** What the segments behind one count already: no more messages can come before those. */
class CountsBehind {
  readonly #scope: RepairScope;
  readonly #segments: readonly SegmentPlace[];
  readonly #stored: number;
  /** The segment with the entry that says it, and how many come before that at the most. */
  #found = { segment: -1, most: 0 };

  /** @param stored how many there are in all segments, by the stream's row */
  constructor(scope: RepairScope, segments: readonly SegmentPlace[], stored: number) {
    this.#scope = scope;
    this.#segments = segments;
    this.#stored = stored;
  }

  /** How many there can be up to the end of the segment of this number. */
  mostUpTo(segment: number): number {
    if (this.#found.segment <= segment) this.#found = this.#find(segment + 1);
    return this.#found.most;
  }

  #find(from: number): { segment: number; most: number } {
    const { fileSystem, paths } = this.#scope;
    for (const [i, { streamId, base, generation, blocks }] of this.#segments.entries()) {
      if (i < from) continue;
      const { index } = segmentPaths(paths.segments, streamId, base, generation);
      if (!isThere(fileSystem, index)) continue;
      const { messages } = withWindow(
        fileSystem,
        index,
        (window) => knownAfter(window, blocks, -1),
      );
      // Its block has at least one.
      if (messages !== undefined) return { segment: i, most: messages - 1 };
    }
    return { segment: Infinity, most: this.#stored };
  }
}

function knownAfter(index: FileWindow, blocks: number, block: number): KnownCount {
  for (let next = block + 1; next < blocks; next++) {
    const position = INDEX_HEADER_BYTES + next * INDEX_ENTRY_BYTES;
    const messages = decodeIndexEntry(index.bytes(position, INDEX_ENTRY_BYTES), 0)?.messages;
    if (messages !== undefined && messages !== UNCOUNTED) return { block: next, messages };
  }
  return { block: Infinity, messages: undefined };
}

/** Of a byte stream's block: at least one, and no more than the next number that is known. */
function guess(
  { blocks, atEnd, most }: CountedSegment,
  block: number,
  before: number,
  known: KnownCount,
): number {
  if (known.messages !== undefined) return Math.min(before + 1, known.messages);
  if (atEnd === undefined) return Math.max(before, Math.min(before + 1, most()));
  if (atEnd < before) return before + 1;
  return block === blocks - 1 ? atEnd : Math.min(before + 1, atEnd);
}

function* partsOf(index: FileWindow, entries: Iterable<CountedEntry>): Generator<FilePart> {
  yield { bytes: index.bytes(0, INDEX_HEADER_BYTES).slice(), filePosition: 0 };
  for (const { position, entry, messages } of entries) {
    const bytes = new Uint8Array(INDEX_ENTRY_BYTES);
    putIndexEntry(bytes, 0, { ...entry, messages });
    yield { bytes, filePosition: position };
  }
}
