import type { SubscriptionRecord } from "../../records.ts";
import type { SubscriptionRegistry } from "../../subscriptions/registry.ts";
import type { DamagedSubscriptions } from "../directory/damaged_subscriptions.ts";
import { mismatch, type RecordLocation } from "./record_location.ts";

/** What a {@link SubscriptionReplay} works on. */
export interface SubscriptionReplayParts {
  /** With all rows that can be read. */
  registry: SubscriptionRegistry;
  damaged: Pick<DamagedSubscriptions, "hasLost">;
}

/** The part of a replay that is about subscriptions. */
export class SubscriptionReplay {
  readonly #parts: SubscriptionReplayParts;
  /** Subscriptions that nothing makes so far, and their first records: only a delete explains it. */
  readonly #unknown = new Map<number, RecordLocation>();
  readonly #filesToQuarantine = new Set<string>();

  constructor(parts: SubscriptionReplayParts) {
    this.#parts = parts;
  }

  /** Log files with records of subscriptions whose rows can't be read: these are applied nowhere. */
  get filesToQuarantine(): ReadonlySet<string> {
    return this.#filesToQuarantine;
  }

  /**
   * Applies a record.
   *
   * @throws {DirectoryError} where it contradicts what is there
   */
  take(record: SubscriptionRecord, placed: RecordLocation): void {
    const { registry, damaged } = this.#parts;
    const { id, change } = record;
    if (change.kind === "create") this.#checkNew(id, change.name, placed);
    else if (change.kind === "delete") this.#unknown.delete(id);
    else if (!registry.isKnown(id)) {
      // A row that can't be read tells nothing for sure, not even its id.
      if (damaged.hasLost) this.#filesToQuarantine.add(placed.path);
      else if (!this.#unknown.has(id)) this.#unknown.set(id, placed);
      return;
    }
    registry.apply(record, placed.lsn);
  }

  /**
   * All records were taken.
   *
   * @throws {DirectoryError} where nothing makes a subscription that has records
   */
  finish(): void {
    const [unknown] = this.#unknown;
    if (unknown === undefined) return;
    const [id, placed] = unknown;
    throw mismatch(placed, `a row of subscription ${id}, or its creation before`, "neither");
  }

  #checkNew(id: number, name: string, placed: RecordLocation): void {
    const { registry } = this.#parts;
    const known = registry.get(id);
    if (known !== undefined) {
      if (known.restoredLsn >= placed.lsn) return;
      throw mismatch(placed, "an id that was never used", `the creation of subscription ${id}`);
    }
    const other = registry.find(name);
    // One whose row is newer: this one's end comes behind in the log.
    if (other === undefined || other.restoredLsn >= placed.lsn) return;
    const expected = `a name that subscription ${other.id} doesn't have`;
    throw mismatch(placed, expected, `the creation of subscription ${id}`);
  }
}
