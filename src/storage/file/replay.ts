import type { File, FileSystem } from "../../env/file_system.ts";
import type { StreamRecord } from "../records.ts";
import type { LoggedRecord } from "./log_reader.ts";
import { decodeRecord } from "./record_codec.ts";

/** A record that a stream's row may lack. */
export interface ReplayRecord {
  sequence: number;
  record: StreamRecord;
}

/**
 * What the log holds and the catalogue lacks, found by one pass over it at the start. No stream is built
 * for it: for each id there is a chain of places in the log, read when the stream is first wanted.
 */
export class Replay {
  readonly #fileSystem: FileSystem;
  readonly #files: { path: string; file: File | undefined }[] = [];
  readonly #newest = new Map<number, number>();
  readonly #names = new Map<string, number>();
  /** Ids that the log deletes for good. */
  readonly deletedIds = new Set<number>();
  /** Forks that the log makes, by their source's id. */
  readonly forks = new Map<number, Set<number>>();
  #maxId = 0;
  #previous: number[] = [];
  #fileOf: number[] = [];
  #positions: number[] = [];
  #lengths: number[] = [];
  #sequences: number[] = [];

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** The greatest id in the log. */
  get maxId(): number {
    return this.#maxId;
  }

  /** How many records there are. */
  get size(): number {
    return this.#sequences.length;
  }

  /** The ids that are still to be resolved. */
  get ids(): number[] {
    return [...this.#newest.keys()];
  }

  /** Whether the stream has records here that were not resolved yet. */
  has(id: number): boolean {
    return this.#newest.has(id);
  }

  /** The names that the log gives to streams, with their newest ids. */
  get names(): ReadonlyMap<string, number> {
    return this.#names;
  }

  /** The id that a name got in the log. */
  idOf(name: string): number | undefined {
    return this.#names.get(name);
  }

  /** Begins with the next file. */
  addFile(path: string): void {
    this.#files.push({ path, file: undefined });
  }

  /** Notes a record of the file that was added last. */
  add(logged: LoggedRecord): void {
    const record = decodeRecord(logged.bytes);
    if (record.kind === "delete") {
      for (const id of record.ids) {
        if (!record.soft) this.deletedIds.add(id);
        this.#link(id, logged);
      }
      return;
    }
    this.#link(record.id, logged);
    if (record.kind !== "create") return;
    this.#names.set(record.name, record.id);
    if (record.fork === undefined) return;
    const forks = this.forks.get(record.fork.sourceId) ?? new Set();
    this.forks.set(record.fork.sourceId, forks.add(record.id));
  }

  /** A stream's records in their order; they are resolved by that. */
  take(id: number): ReplayRecord[] {
    const records: ReplayRecord[] = [];
    for (
      let node = this.#newest.get(id);
      node !== undefined && node >= 0;
      node = this.#previous[node]
    ) {
      records.push(this.#read(node));
    }
    this.#newest.delete(id);
    return records.reverse();
  }

  /** The first and the last of a stream's records, which stay. */
  ends(id: number): { first: ReplayRecord; last: ReplayRecord } | undefined {
    const newest = this.#newest.get(id);
    if (newest === undefined) return undefined;
    let oldest = newest;
    for (let node = newest; node >= 0; node = this.#previous[node] ?? -1) oldest = node;
    return { first: this.#read(oldest), last: this.#read(newest) };
  }

  /** Drops what there is of a stream that is gone for good. */
  forget(id: number): void {
    this.#newest.delete(id);
  }

  /** Lets go of everything. */
  close(): void {
    for (const { file } of this.#files) file?.close();
    this.#files.length = 0;
    this.#newest.clear();
    this.#names.clear();
    this.#previous = [];
    this.#fileOf = [];
    this.#positions = [];
    this.#lengths = [];
    this.#sequences = [];
  }

  #link(id: number, { position, bytes, sequence }: LoggedRecord): void {
    this.#maxId = Math.max(this.#maxId, id);
    this.#previous.push(this.#newest.get(id) ?? -1);
    this.#fileOf.push(this.#files.length - 1);
    this.#positions.push(position);
    this.#lengths.push(bytes.length);
    this.#sequences.push(sequence);
    this.#newest.set(id, this.#sequences.length - 1);
  }

  #read(node: number): ReplayRecord {
    const found = this.#files[this.#fileOf[node] ?? 0];
    if (found === undefined) throw new Error("The replay was closed too early.");
    found.file ??= this.#fileSystem.open(found.path, "read");
    const bytes = new Uint8Array(this.#lengths[node] ?? 0);
    found.file.readSync(bytes, this.#positions[node] ?? 0);
    return { sequence: this.#sequences[node] ?? 0, record: decodeRecord(bytes) };
  }
}
