import type { FileSlice } from "../../../env/file_body.ts";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { SnapshotRef } from "../../snapshot_store.ts";
import type { SnapshotBodies } from "../../snapshots.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { SnapshotFiles } from "../snapshots/snapshot_files.ts";
import type { FileStream } from "./file_stream.ts";

/** A body that no state of its stream names any more, as soon as a record is in the catalogue. */
interface ObsoleteBody {
  readonly streamId: number;
  readonly number: number;
  readonly bytes: number;
  readonly lsn: number;
}

/** What {@link FileSnapshots} work on. */
export interface FileSnapshotsParts {
  readonly catalog: Pick<Catalog, "snapshot">;
  readonly files: SnapshotFiles;
}

/**
 * The snapshots of a directory's streams: their bodies in files, what they are in the catalogue's rows. A
 * body is removed once neither a row nor a record that a start would apply names it.
 */
export class FileSnapshots implements SnapshotBodies<FileStream> {
  readonly #parts: FileSnapshotsParts;
  #obsolete: ObsoleteBody[] = [];

  constructor(parts: FileSnapshotsParts) {
    this.#parts = parts;
  }

  find(stream: FileStream): SnapshotRef | undefined {
    if (stream.keptSnapshot === undefined) {
      const row = stream.hasRow ? this.#parts.catalog.snapshot(stream.id) : undefined;
      stream.keptSnapshot = row === undefined ? null : { ...row, lsn: 0 };
      stream.storedSnapshot = row?.number ?? 0;
    }
    return stream.keptSnapshot ?? undefined;
  }

  write(streamId: number, number: number, body: Bytes): Promise<number> {
    return this.#parts.files.write(streamId, number, body);
  }

  read(
    streamId: number,
    ref: SnapshotRef,
    mayBeSlice: boolean,
  ): Promise<Bytes | FileSlice | undefined> {
    return this.#parts.files.read(streamId, ref, mayBeSlice);
  }

  discard(streamId: number, number: number): void {
    this.#parts.files.remove(streamId, number);
  }

  release(streamId: number, { number, bytes }: SnapshotRef, lsn: number): void {
    this.#obsolete.push({ streamId, number, bytes, lsn });
  }

  /** Whether nothing waits to be removed. */
  get isClear(): boolean {
    return this.#obsolete.length === 0;
  }

  /** How many bytes do. */
  get waitingBytes(): number {
    return this.#obsolete.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether this body does. */
  isWaiting(streamId: number, number: number): boolean {
    return this.#obsolete.some((body) => body.streamId === streamId && body.number === number);
  }

  /** Removes what waits for records up to this one, which are in the catalogue. */
  removeStored(lsn: number): void {
    this.#remove((body) => body.lsn <= lsn);
  }

  /** Removes what deleted streams had, whose deletions are in the catalogue. */
  removeOf(deletedIds: readonly number[]): void {
    const ids = new Set(deletedIds);
    this.#remove(({ streamId }) => ids.has(streamId));
  }

  /** What can't be removed is tried again with the next checkpoint. */
  #remove(mayGo: (body: ObsoleteBody) => boolean): void {
    if (this.isClear) return;
    const { files } = this.#parts;
    this.#obsolete = this.#obsolete.filter((body) =>
      !mayGo(body) || !files.remove(body.streamId, body.number)
    );
  }
}
