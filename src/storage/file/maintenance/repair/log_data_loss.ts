import type { SubscriptionRecord } from "../../../records.ts";
import { withWindow } from "../../directory/file_window.ts";
import { type WalkedBatch, walkRecords } from "../../wal/log_walk.ts";
import type { CatalogView } from "./catalog_view.ts";
import type { RepairedLogFile } from "./log_files.ts";
import type { RepairScope } from "./scope.ts";

interface StreamLoss {
  name: string | undefined;
  records: number;
  from: number;
  to: number;
  isMade: boolean;
  isDeleted: boolean;
}

interface SubscriptionLoss {
  name: string | undefined;
  records: number;
}

/** The records that are cut off the log though they can be read, by stream. */
export class LogDataLoss {
  readonly #scope: RepairScope;
  readonly #view: CatalogView;
  readonly #streams = new Map<number, StreamLoss>();
  readonly #subscriptions = new Map<number, SubscriptionLoss>();
  /** A batch that is cut twice is lost once; the second time it can't be read any more. */
  readonly #seen = new Set<WalkedBatch>();
  #maxId = 0;

  constructor(scope: RepairScope, view: CatalogView) {
    this.#scope = scope;
    this.#view = view;
  }

  /** The greatest id of a stream or a subscription that the cut part makes. */
  get maxId(): number {
    return this.#maxId;
  }

  /** Adds the records of a file's batches from `filePosition` on. */
  add(file: RepairedLogFile, filePosition: number): void {
    withWindow(this.#scope.fileSystem, file.path, (window) => {
      for (const batch of file.batches) {
        if (batch.filePosition < filePosition || !batch.isWhole || this.#seen.has(batch)) continue;
        this.#seen.add(batch);
        for (const { lsn, record, dataBytes } of walkRecords(window, batch)) {
          if (record === undefined) continue;
          if (record.kind === "delete") {
            for (const id of record.ids) this.#note(id, lsn).isDeleted = true;
            continue;
          }
          if (record.kind === "subscription") {
            this.#noteSubscription(record, lsn);
            continue;
          }
          const loss = this.#note(record.id, lsn);
          if (record.kind === "create") {
            loss.isMade = true;
            loss.name = record.name;
            this.#maxId = Math.max(this.#maxId, record.id);
          }
          if (record.kind === "snapshot") {
            this.#maxId = Math.max(this.#maxId, record.snapshot?.number ?? 0);
            continue;
          }
          if (dataBytes === 0 || this.#isStored(record.id, lsn)) continue;
          if (record.kind === "trim" || record.kind === "policies") continue;
          const start = record.kind === "append" ? record.start : record.fork?.point ?? 0;
          loss.from = Math.min(loss.from, start);
          loss.to = Math.max(loss.to, start + dataBytes);
        }
      }
    });
  }

  /** Reports the loss, a line per stream or subscription. */
  report(path: string): void {
    for (const [id, loss] of this.#streams) {
      if (loss.records === 0) continue;
      const message = [
        `${loss.records} records that can be read were cut off, since records before them can't be`,
        ...(loss.isMade ? ["the stream's creation is among them"] : []),
        ...(loss.isDeleted ? ["its deletion is among them"] : []),
      ].join("; ");
      const range = loss.to > loss.from ? { from: loss.from, to: loss.to } : undefined;
      this.#scope.report({
        outcome: "lost",
        path,
        message,
        stream: { id, name: loss.name },
        range,
      });
    }
    for (const [id, { name, records }] of this.#subscriptions) {
      const subscription = name === undefined
        ? `subscription ${id}`
        : `subscription ${JSON.stringify(name)} (${id})`;
      const message = `${records} records of ${subscription} that can be read were cut off, ` +
        "since records before them can't be";
      this.#scope.report({ outcome: "lost", path, message });
    }
  }

  #noteSubscription({ id, change }: SubscriptionRecord, lsn: number): void {
    const row = this.#view.subscriptionOf(id);
    if (change.kind === "create") this.#maxId = Math.max(this.#maxId, id);
    if (lsn <= Math.max(this.#view.lsn, row?.lsn ?? 0)) return;
    const loss = this.#subscriptions.get(id) ?? { name: row?.name, records: 0 };
    if (change.kind === "create") loss.name = change.name;
    loss.records++;
    this.#subscriptions.set(id, loss);
  }

  #note(id: number, lsn: number): StreamLoss {
    const known = this.#streams.get(id);
    const loss = known ?? {
      name: this.#view.rowOf(id)?.name,
      records: 0,
      from: Infinity,
      to: 0,
      isMade: false,
      isDeleted: false,
    };
    if (known === undefined) this.#streams.set(id, loss);
    if (!this.#isStored(id, lsn)) loss.records++;
    return loss;
  }

  /** Whether the stream's row includes the record. */
  #isStored(id: number, lsn: number): boolean {
    return lsn <= Math.max(this.#view.lsn, this.#view.rowOf(id)?.lsn ?? 0);
  }
}
