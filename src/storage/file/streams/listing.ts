import { compareNames, type NameRange } from "../../../protocol/name_order.ts";
import type { OrderedNames } from "../../ordered_names.ts";
import type { Catalog, StreamRow } from "../catalog/catalog.ts";
import type { FileStream } from "./file_stream.ts";

/** What a directory's streams are listed from. */
export interface ListingParts {
  readonly catalog: Catalog;
  /** The ids of names that the catalogue may lack; of some the stream may have gone. */
  readonly unstored: OrderedNames<number>;
  /** The stream of an id as it is, `undefined` where it is gone; not loaded for this. */
  summary(id: number, row: StreamRow | undefined): FileStream | undefined;
}

/**
 * The streams in a range of names, in order: the catalogue's rows, `rowsAtOnce` looked up together, and
 * between them what they lack yet. Rows are changed and names taken out by others; whoever goes over
 * these does it without a pause.
 */
export function* listStreams(
  { catalog, unstored, summary }: ListingParts,
  range: NameRange,
  rowsAtOnce: number,
): Generator<FileStream> {
  const rows = listRows(catalog, range, rowsAtOnce);
  const made = unstored.range(range);
  let row = next(rows);
  let entry = next(made);
  while (true) {
    // Rows are looked up when the one before was taken, so that a page that is full asks for no more.
    if (row !== undefined && (entry === undefined || compareNames(row.name, entry.name) < 0)) {
      const stream = summary(row.id, row);
      if (stream !== undefined) yield stream;
      row = next(rows);
    } else if (entry !== undefined) {
      const same = row?.name === entry.name ? row : undefined;
      // A row with another id is that of a stream which was deleted before this one was made.
      const stream = summary(entry.value, same?.id === entry.value ? same : undefined);
      if (stream !== undefined) yield stream;
      if (same !== undefined) row = next(rows);
      entry = next(made);
    } else {
      return;
    }
  }
}

function* listRows(
  catalog: Catalog,
  { prefix, after }: NameRange,
  rowsAtOnce: number,
): Generator<StreamRow> {
  for (let last: string | undefined = after; last !== undefined;) {
    const rows = catalog.list({ prefix, after: last }, rowsAtOnce);
    yield* rows;
    last = rows.length < rowsAtOnce ? undefined : rows.at(-1)?.name;
  }
}

function next<T>(iterator: Iterator<T>): T | undefined {
  const { done, value } = iterator.next();
  return done === true ? undefined : value;
}
