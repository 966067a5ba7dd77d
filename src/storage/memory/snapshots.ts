import type { Bytes } from "../../protocol/bytes.ts";
import type { SnapshotRef } from "../snapshot_store.ts";
import type { SnapshotBodies } from "../snapshots.ts";
import type { Stream } from "../stream.ts";

/** The bodies of snapshots in memory, by their numbers, of which no two are the same. */
export class MemorySnapshots implements SnapshotBodies {
  readonly #bodies = new Map<number, Bytes>();

  find({ keptSnapshot }: Stream): SnapshotRef | undefined {
    return keptSnapshot ?? undefined;
  }

  write(_streamId: number, number: number, body: Bytes): Promise<number> {
    this.#bodies.set(number, body.slice());
    // Nothing here is ever checked against it.
    return Promise.resolve(0);
  }

  read(_streamId: number, { number }: SnapshotRef): Promise<Bytes | undefined> {
    return Promise.resolve(this.#bodies.get(number));
  }

  discard(_streamId: number, number: number): void {
    this.#bodies.delete(number);
  }

  release(_streamId: number, { number }: SnapshotRef): void {
    this.#bodies.delete(number);
  }

  /** Lets go of all. */
  clear(): void {
    this.#bodies.clear();
  }
}
