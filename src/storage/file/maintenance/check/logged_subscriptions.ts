import type { SubscriptionRecord } from "../../../records.ts";
import type { Finding } from "./finding.ts";
import type { LocatedRecord } from "./log.ts";

/** Checks the log's records of subscriptions against their rows. */
export class LoggedSubscriptions {
  readonly #lsnOf: (id: number) => number | undefined;
  /** Those that the log creates. */
  readonly #created = new Set<number>();
  /** Those that nothing makes so far, and their first records. */
  readonly #unknown = new Map<number, LocatedRecord>();

  /** @param lsnOf the newest record that a subscription's row includes, `undefined` without a row */
  constructor(lsnOf: (id: number) => number | undefined) {
    this.#lsnOf = lsnOf;
  }

  /** Takes the next record. */
  *add({ id, change }: SubscriptionRecord, located: LocatedRecord): Generator<Finding> {
    if (change.kind === "delete") {
      this.#unknown.delete(id);
      return;
    }
    const lsn = this.#lsnOf(id);
    if (change.kind !== "create") {
      const isKnown = lsn !== undefined || this.#created.has(id) || this.#unknown.has(id);
      if (!isKnown) this.#unknown.set(id, located);
      return;
    }
    if (lsn !== undefined && lsn >= located.lsn) return;
    if (lsn !== undefined || this.#created.has(id)) {
      yield misfit(located, {
        message: `a creation of subscription ${
          JSON.stringify(change.name)
        }, which is there already`,
        expected: "an id that was never used",
        found: `${id}`,
      });
    }
    this.#created.add(id);
  }

  /** The findings that only the log's end shows. */
  *finish(): Generator<Finding> {
    for (const [id, first] of this.#unknown) {
      yield misfit(first, {
        message: "a record of a subscription that nothing makes",
        expected: `a row of subscription ${id}, or its creation in the log`,
        found: "neither",
      });
    }
  }
}

function misfit(
  { path, filePosition: position }: LocatedRecord,
  what: Pick<Finding, "message" | "expected" | "found">,
): Finding {
  return { kind: "log_record", path, position, ...what };
}
