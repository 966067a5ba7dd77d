import { compareNames, type NameRange } from "../../../protocol/name_order.ts";
import { OrderedNames } from "../../ordered_names.ts";
import { yieldToEventLoop } from "../../yield_to_event_loop.ts";
import type { Catalog, StreamRow } from "../catalog/catalog.ts";
import type { FileStream } from "./file_stream.ts";

/** What a {@link Listing} is made from. */
export interface ListingParts {
  readonly catalog: Pick<Catalog, "list">;
  /** The stream of an id as it is, `undefined` where it is gone; not loaded for this. */
  summary(id: number, row: StreamRow | undefined): FileStream | undefined;
}

/** A directory's streams in the order of their names: the catalogue's rows, and what they lack yet. */
export class Listing {
  readonly #parts: ListingParts;
  /** The ids of names whose streams may have no row; of some the stream may have gone. */
  readonly #unstored = new OrderedNames<number>();

  constructor(parts: ListingParts) {
    this.#parts = parts;
  }

  /** A stream was made. */
  add({ name, id }: FileStream): void {
    this.#unstored.set(name, id);
  }

  /** It has a row, or is gone. */
  forget({ name, id }: FileStream): void {
    // The name may stand for another stream by now.
    if (this.#unstored.get(name) === id) this.#unstored.delete(name);
  }

  /** As `Streams.sortNames`. */
  sortNames(): Promise<void> | undefined {
    return this.#unstored.sort(yieldToEventLoop);
  }

  /**
   * The streams in a range of names, in order: the catalogue's rows, `rowsAtOnce` looked up together, and
   * between them what they lack yet. Rows are changed and names taken out by others; whoever goes over
   * these does it without a pause.
   */
  *streams(range: NameRange, rowsAtOnce: number): Generator<FileStream> {
    const { catalog, summary } = this.#parts;
    const rows = listRows(catalog, range, rowsAtOnce);
    const made = this.#unstored.range(range);
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
}

function* listRows(
  catalog: Pick<Catalog, "list">,
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
