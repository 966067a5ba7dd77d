import { FileSystemError } from "../../../src/env/file_system.ts";
import type { ProducerState } from "../../../src/protocol/errors.ts";
import { compareNames, type NameRange } from "../../../src/protocol/name_order.ts";
import type {
  BlockRow,
  Catalog,
  CatalogChanges,
  CatalogCopy,
  CatalogLookups,
  CatalogSnapshot,
  CatalogState,
  DamagedSubscriptionRow,
  ProducerRow,
  RowExpiry,
  RowPage,
  RowTrim,
  SegmentRow,
  SnapshotRow,
  StreamRow,
} from "../../../src/storage/file/catalog/catalog.ts";
import type { CursorRow, SubscriptionRow } from "../../../src/storage/subscriptions/capture.ts";
import { damagedRead, DirectoryError } from "../../../src/storage/file/directory/damage.ts";
import type { DirectoryLock } from "../../../src/storage/file/directory/lock.ts";
import type { CatalogDriver } from "../../../src/storage/file/options.ts";
import { shortageStreamError } from "../../../src/storage/file/directory/shortage_error.ts";
import type { Call } from "./faults.ts";
import type { FaultyFileSystem } from "./faulty_file_system.ts";
import { type DamagedRow, MemoryTables, type Transaction } from "./memory_tables.ts";
import type { Random } from "../random.ts";

/**
 * What a database keeps from one process to the next: what was committed, and what was being committed
 * when the process died.
 */
export class MemoryDatabase {
  tables: MemoryTables | undefined;
  /** The file system of the process that holds the lock. */
  holder: FaultyFileSystem | undefined;
  /** Those of the processes that hold a pin. */
  readonly pins = new Map<string, FaultyFileSystem>();
  readonly committing: Transaction[] = [];

  /** After a crash or a kill: what was being committed is there or not, each whole and in order. */
  afterEnd(random: Random): MemoryDatabase {
    const database = new MemoryDatabase();
    database.tables = this.tables?.copy();
    for (const transaction of this.committing) {
      if (random.chance(0.5)) break;
      database.tables?.apply(transaction);
    }
    return database;
  }
}

/** What is in each copy of a catalogue: its file says which one it is. */
const copies: MemoryTables[] = [];

/** The catalogue's and the lock's way to a {@link MemoryDatabase}, for one process. */
export class MemoryCatalogDriver implements CatalogDriver {
  readonly #database: MemoryDatabase;
  readonly #fileSystem: FaultyFileSystem;

  constructor(database: MemoryDatabase, fileSystem: FaultyFileSystem) {
    this.#database = database;
    this.#fileSystem = fileSystem;
  }

  lock(path: string): DirectoryLock {
    const { holder } = this.#database;
    if (holder !== undefined && !holder.process.hasExited) {
      throw new DirectoryError("in_use", path, "another process holds the directory");
    }
    this.#database.holder = this.#fileSystem;
    return { release: () => this.#database.holder = undefined };
  }

  /** The file itself is a mark in the file system: it is there or missing as any other. */
  create(path: string, uuid: string): void {
    this.#fileSystem.open(path, "create").close();
    this.#database.tables = new MemoryTables(uuid);
  }

  /** All tables are there from the first. */
  convert(): Promise<void> {
    return Promise.resolve();
  }

  isUsed(): boolean {
    return (this.#database.tables?.state.nextId ?? 1) > 1;
  }

  open(path: string): Catalog {
    const { tables } = this.#database;
    if (tables === undefined) throw new DirectoryError("incomplete", path, "can't be opened");
    return new MemoryCatalog(path, this.#database, tables, this.#fileSystem);
  }

  pin(path: string): DirectoryLock {
    if (this.isPinned(path)) throw new DirectoryError("in_use", path, "another backup is running");
    const name = path.slice(path.lastIndexOf("/") + 1);
    const names = this.#fileSystem.list(path.slice(0, path.lastIndexOf("/"))) ?? [];
    if (!names.includes(name)) this.#fileSystem.open(path, "create").close();
    this.#database.pins.set(path, this.#fileSystem);
    return { release: () => this.#database.pins.delete(path) };
  }

  isPinned(path: string): boolean {
    return this.#database.pins.get(path)?.process.hasExited === false;
  }

  /** As with SQLite's, the rows are those of now, whenever they are written. */
  snapshot(path: string, target: string): CatalogSnapshot {
    const tables = this.#database.tables?.copy();
    if (tables === undefined) throw new DirectoryError("incomplete", path, "can't be opened");
    return {
      state: tables.state,
      copy: async (onCopied) => {
        const text = `copy ${copies.push(tables) - 1}\n`.padEnd(COPY_BYTES, "=");
        const file = this.#fileSystem.open(target, "create");
        file.writeSync(new TextEncoder().encode(text), 0);
        file.close();
        await onCopied(COPY_BYTES);
      },
      close: () => {},
    };
  }

  openCopy(path: string): CatalogCopy {
    return new MemoryCopy(path, this.#database, this.#readCopy(path), this.#fileSystem);
  }

  adopt(path: string): void {
    this.#database.tables = this.#readCopy(path).copy();
  }

  #readCopy(path: string): MemoryTables {
    const file = this.#fileSystem.open(path, "read");
    const bytes = new Uint8Array(COPY_BYTES);
    file.readSync(bytes, 0);
    file.close();
    const number = /^copy (\d+)\n=+$/.exec(new TextDecoder().decode(bytes))?.[1];
    const tables = copies[Number(number)];
    if (tables !== undefined) return tables;
    throw damagedRead({ path, filePosition: 0, expected: "a copy", found: "something else" });
  }
}

/** More than a sector: a crash may leave a part. */
const COPY_BYTES = 1000;

class MemoryCatalog implements Catalog {
  readonly #path: string;
  readonly #database: MemoryDatabase;
  readonly #tables: MemoryTables;
  readonly #fileSystem: FaultyFileSystem;

  constructor(
    path: string,
    database: MemoryDatabase,
    tables: MemoryTables,
    fileSystem: FaultyFileSystem,
  ) {
    this.#path = path;
    this.#database = database;
    this.#tables = tables;
    this.#fileSystem = fileSystem;
  }

  get state(): CatalogState {
    return this.#tables.state;
  }

  byName(name: string): StreamRow | undefined {
    return this.#lookUp("byName", () => {
      const id = this.#tables.idOf(name);
      return id === undefined ? undefined : this.#stream(id);
    });
  }

  list({ prefix, after }: NameRange, limit: number): StreamRow[] {
    return this.#lookUp("list", () =>
      [...this.#tables.streams()]
        .filter(({ name }) => name.startsWith(prefix) && compareNames(name, after) > 0)
        .sort((a, b) => compareNames(a.name, b.name))
        .slice(0, limit).flatMap(({ id }) => this.#stream(id) ?? []));
  }

  byId(id: number): StreamRow | undefined {
    return this.#lookUp("byId", () => this.#stream(id));
  }

  byIds(ids: readonly number[]): StreamRow[] {
    return this.#lookUp(
      "byIds",
      () =>
        ids.flatMap((id) => this.#tables.isDamaged({ streamId: id }) ? [] : this.#stream(id) ?? []),
    );
  }

  rowsAfter(id: number, limit: number): RowPage {
    return this.#lookUp("rowsAfter", () => {
      const ids = [...this.#tables.streams()].map((row) => row.id).filter((each) => each > id)
        .sort((a, b) => a - b).slice(0, limit);
      const rows = ids.flatMap((each) =>
        this.#tables.isDamaged({ streamId: each }) ? [] : this.#stream(each) ?? []
      );
      return { rows, lastId: ids.at(-1) };
    });
  }

  producers(streamId: number): ProducerRow[] {
    return this.#lookUp(
      "producers",
      () => this.#tables.producers(streamId).map((row) => this.#sound(row)),
    );
  }

  producer(streamId: number, producerId: string): ProducerState | undefined {
    return this.#lookUp("producer", () => {
      const row = this.#tables.producer(streamId, producerId);
      return row && this.#sound(row);
    });
  }

  segmentAt(streamId: number, offset: number): SegmentRow | undefined {
    return this.#lookUp("segmentAt", () => {
      const row = this.#tables.segments(streamId).findLast(({ base }) => base <= offset);
      return row && { ...this.#sound(row) };
    });
  }

  blocks(streamId: number): BlockRow[] {
    return this.#lookUp("blocks", () =>
      this.#tables.blocks(streamId).map((row) => {
        this.#sound({ streamId, block: row.base });
        return structuredClone(row);
      }));
  }

  rewrittenSegments(afterId: number, upToId: number): SegmentRow[] {
    return this.#lookUp("rewrittenSegments", () =>
      [...this.#tables.streams()].map(({ id }) => id)
        .filter((id) => id > afterId && id <= upToId).sort((a, b) => a - b)
        .flatMap((id) => this.#tables.segments(id))
        .filter(({ generation }) => generation > 0)
        .map((row) => ({ ...row })));
  }

  segments(streamId: number): SegmentRow[] {
    return this.#lookUp(
      "segments",
      () => this.#tables.segments(streamId).map((row) => ({ ...this.#sound(row) })),
    );
  }

  snapshot(streamId: number): SnapshotRow | undefined {
    return this.#lookUp("snapshot", () => {
      const row = this.#tables.snapshot(streamId);
      return row && { ...row };
    });
  }

  snapshots(afterId: number, upToId: number): SnapshotRow[] {
    return this.#lookUp("snapshots", () =>
      this.#tables.allSnapshots()
        .filter(({ streamId }) => streamId > afterId && streamId <= upToId)
        .map((row) => ({ ...row })));
  }

  countForks(sourceId: number): number {
    return this.forkIds(sourceId).length;
  }

  forkIds(sourceId: number): number[] {
    return this.#lookUp("forkIds", () =>
      [...this.#tables.streams()]
        .filter(({ fork }) => fork?.sourceId === sourceId).map(({ id }) => id));
  }

  greatestId(): number {
    return this.#lookUp(
      "greatestId",
      () => Math.max(0, ...this.#tables.soundStreams().map(({ id }) => id)),
    );
  }

  newestLsnAfter(position: number): number | undefined {
    return this.#lookUp(
      "newestLsnAfter",
      () =>
        [...this.#tables.soundStreams(), ...this.#soundSubscriptions()].map((row) => row.lsn)
          .filter((each) => each > position).sort((a, b) => b - a)[0],
    );
  }

  expired(nowMs: number, after: RowExpiry | undefined, limit: number): RowExpiry[] {
    const order = (a: RowExpiry, b: RowExpiry) => a.endsAtMs - b.endsAtMs || a.id - b.id;
    return this.#lookUp(
      "expired",
      () =>
        [...this.#tables.streams()].filter((row) => !row.softDeleted)
          .map((row) => ({ endsAtMs: MemoryTables.endsAtMs(row), id: row.id }))
          .filter((row) => row.endsAtMs <= nowMs && (after === undefined || order(row, after) > 0))
          .sort(order).slice(0, limit),
    );
  }

  dueForTrim(nowMs: number, after: RowTrim | undefined, limit: number): RowTrim[] {
    const order = (a: RowTrim, b: RowTrim) => a.trimsAtMs - b.trimsAtMs || a.id - b.id;
    return this.#lookUp(
      "dueForTrim",
      () =>
        [...this.#tables.streams()].filter((row) => !row.softDeleted)
          .map(({ trimsAtMs, id }) => ({ trimsAtMs, id }))
          .filter((row) => row.trimsAtMs <= nowMs && (after === undefined || order(row, after) > 0))
          .sort(order).slice(0, limit),
    );
  }

  subscriptions(onDamage: (row: DamagedSubscriptionRow) => void): SubscriptionRow[] {
    return this.#lookUp("subscriptions", () => {
      const sound = this.#soundSubscriptions();
      for (const { id: subscriptionId, name } of this.#tables.subscriptions()) {
        if (sound.some(({ id }) => id === subscriptionId)) continue;
        onDamage({ subscriptionId, name, streamId: undefined, reason: "an injected fault" });
      }
      return structuredClone(sound);
    });
  }

  cursors(onDamage: (row: DamagedSubscriptionRow) => void): CursorRow[] {
    return this.#lookUp("cursors", () => {
      const cursors = this.#tables.allCursors();
      for (const { subscriptionId, streamId } of cursors) {
        if (!this.#tables.isDamaged({ subscriptionId, streamId })) continue;
        onDamage({ subscriptionId, name: undefined, streamId, reason: "an injected fault" });
      }
      return cursors.filter((row) => !this.#tables.isDamaged(row)).map((row) => ({ ...row }));
    });
  }

  #soundSubscriptions(): SubscriptionRow[] {
    return this.#tables.subscriptions()
      .filter(({ id }) => !this.#tables.isDamaged({ streamId: 0, subscriptionId: id }));
  }

  store(changes: CatalogChanges): Promise<void> {
    return this.#commit("store", { kind: "store", changes: structuredClone(changes) });
  }

  storeState(state: CatalogState): Promise<void> {
    return this.#commit("store state", { kind: "state", state: { ...state } });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** As SQLite's look-ups fail: for want of a descriptor, or because the system doesn't let it read. */
  #lookUp<T>(name: keyof CatalogLookups, find: () => T): T {
    const fault = this.#fileSystem.faults.meet("look up", `${this.#path} ${name}`);
    if (fault === undefined) return find();
    if (fault.kind === "too_many_open_files") throw shortageStreamError(fault.kind);
    throw new FileSystemError(fault.kind, "read", this.#path, new Error("an injected fault"));
  }

  #stream(id: number): StreamRow | undefined {
    const row = this.#tables.stream(id);
    if (row === undefined) return undefined;
    this.#sound({ streamId: id });
    return structuredClone(row);
  }

  /** @throws {StreamError} `damaged` */
  #sound<Row extends DamagedRow>(row: Row): Row {
    if (!this.#tables.isDamaged(row)) return row;
    const expected = "a row that checks";
    throw damagedRead({ path: this.#path, filePosition: 0, expected, found: "another" });
  }

  async #commit(call: Call, transaction: Transaction): Promise<void> {
    const { process, faults } = this.#fileSystem;
    if (process.hasExited) return await process.never();
    const fault = faults.meet(call, this.#path);
    if (fault !== undefined) {
      throw new FileSystemError(fault.kind, call, this.#path, new Error("an injected fault"));
    }
    this.#database.committing.push(transaction);
    if (process.step()) return await process.never();
    await process.pause();
    this.#database.committing.shift();
    this.#tables.apply(transaction);
    if (process.step()) return await process.never();
    await process.pause();
  }
}

class MemoryCopy extends MemoryCatalog implements CatalogCopy {
  problems(): string[] {
    return [];
  }

  closeLookups(): void {}
}
