import type { FileWindow } from "../../directory/file_window.ts";
import {
  decodeIndexEntry,
  INDEX_ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  type IndexEntry,
} from "../../segments/index_format.ts";

/** The entries of an index by their positions; those that don't check are undefined. */
export function* walkIndex(
  window: FileWindow,
): Generator<{ position: number; entry: IndexEntry | undefined }> {
  for (
    let position = INDEX_HEADER_BYTES;
    position < window.sizeBytes;
    position += INDEX_ENTRY_BYTES
  ) {
    yield { position, entry: decodeIndexEntry(window.bytes(position, INDEX_ENTRY_BYTES), 0) };
  }
}
