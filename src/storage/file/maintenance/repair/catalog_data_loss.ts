import type { DatabaseSync } from "node:sqlite";
import type { SqlRow } from "../../catalog/schema.ts";
import { integerOf, textOf } from "../scan/table_rows.ts";
import { rowText } from "./row_values.ts";
import type { RepairScope } from "./scope.ts";

/** The rows that are lost: each is reported, and written to a file as far as it can be read. */
export class CatalogDataLoss {
  readonly #scope: RepairScope;
  readonly #lines: string[] = [];

  constructor(scope: RepairScope) {
    this.#scope = scope;
  }

  /** Reports that a table can't be read to its end. */
  unread(table: string): void {
    const message = `rows of ${table} are on pages that SQLite can't read: which isn't known`;
    this.#report(message);
  }

  /** Adds a row of `stream` that fails its checksum. */
  stream(row: SqlRow, isKeptForForks: boolean): void {
    this.#note("stream", row);
    const id = integerOf(row.id);
    const message = isKeptForForks
      ? "its row is damaged; what segments and blocks hold of it is kept for its forks, and it is deleted otherwise"
      : "its row is damaged: the stream is gone";
    this.#report(message, { id, name: textOf(row.name) }, {
      from: integerOf(row.fork_point),
      to: integerOf(row.tail),
    });
  }

  /**
   * Adds a row of `producer`, `segment`, `block` or `snapshot` that fails its checksum, or whose stream is
   * lost. A segment's row may be rebuilt from its files.
   *
   * @param name of its stream, undefined where that is lost
   */
  owned(
    table: "producer" | "segment" | "block" | "snapshot",
    row: SqlRow,
    name: string | undefined,
  ): void {
    this.#note(table, row);
    if (table === "segment" || name === undefined) return;
    const stream = { id: integerOf(row.stream_id), name };
    if (table === "block") return this.#block(row, stream);
    if (table === "snapshot") {
      return this.#report("its snapshot's row is damaged: it is gone", stream);
    }
    const producer = JSON.stringify(textOf(row.producer_id) ?? "?");
    const message = `the place of producer ${producer} is gone: it has to begin a new epoch, and ` +
      "what it sends again is appended again";
    this.#report(message, stream);
  }

  #block(row: SqlRow, stream: { id: number; name: string }): void {
    const [from, to] = [integerOf(row.base), integerOf(row.end)];
    // What is damaged may be the offsets.
    const isLength = row.body instanceof Uint8Array && row.body.length === to - from;
    const message = "a block of it in the catalogue is damaged: its bytes are gone";
    this.#report(message, stream, isLength ? { from, to } : undefined);
  }

  /** Adds a row of `subscription` that fails its checksum. */
  subscription(row: SqlRow): void {
    this.#note("subscription", row);
    const name = JSON.stringify(textOf(row.name) ?? "?");
    this.#report(
      `the row of subscription ${name} is damaged: it is gone, and its links and cursors`,
    );
  }

  /**
   * Adds a row of `cursor` that can't stay.
   *
   * @param owner the name of its subscription, undefined where that is lost
   * @param name of its stream, undefined where that is lost
   * @param rest what the stream counts as from now on, where both are there
   */
  cursor(
    row: SqlRow,
    owner: string | undefined,
    name: string | undefined,
    rest?: "pending" | "processed",
  ): void {
    this.#note("cursor", row);
    const id = integerOf(row.subscription_id);
    const subscription = owner === undefined
      ? `subscription ${id}, which is gone`
      : `subscription ${JSON.stringify(owner)} (${id})`;
    const message = rest === undefined
      ? `the cursor of ${subscription}${
        owner === undefined ? "" : ", in a stream that is gone"
      }, is gone`
      : `how far ${subscription} had come isn't known: all of the stream counts as ${rest}`;
    this.#report(message, { id: integerOf(row.stream_id), name });
  }

  /** Reports that a subscription has fewer or more cursors than its row counts. */
  cursors(id: number, name: string, expected: number, found: number): void {
    this.#report(
      `subscription ${JSON.stringify(name)} (${id}) had ${expected} cursors, and has ${found}: ` +
        "streams without one count as processed",
    );
  }

  /** Reports that a stream has fewer or more producers than its row counts. */
  count(id: number, name: string, expected: number, found: number): void {
    const message = `it had ${expected} producers, and of ${found} the place is known`;
    this.#report(message, { id, name });
  }

  /** Writes the readable parts of the rows to a file. */
  async write(): Promise<void> {
    if (this.#lines.length > 0) {
      await this.#scope.quarantine.note("lost-rows.jsonl", `${this.#lines.join("\n")}\n`);
    }
  }

  #note(table: string, row: SqlRow): void {
    this.#lines.push(`{"table":${JSON.stringify(table)},"row":${rowText(row)}}`);
  }

  #report(
    message: string,
    stream?: { id: number; name: string | undefined },
    range?: { from: number; to: number },
  ): void {
    const path = this.#scope.paths.catalog;
    this.#scope.report({ outcome: "lost", path, message, stream, range });
  }
}

/** The name of a stream, `undefined` where it has no row. */
export function nameOf(database: DatabaseSync, id: number): string | undefined {
  return textOf(database.prepare("SELECT name FROM stream WHERE id = ?").get(id)?.name);
}
