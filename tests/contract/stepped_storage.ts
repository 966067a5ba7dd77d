import { describe } from "../../src/storage/describe.ts";
import type {
  Appended,
  AppendRequest,
  Created,
  CreateSpec,
  ListPage,
  ListRequest,
  MessageCount,
  ReadResult,
  Storage,
  StreamChange,
  StreamDescription,
  StreamInfo,
  Updated,
  Watch,
} from "../../src/storage/storage.ts";
import { noSnapshots, type SnapshotStore } from "../../src/storage/snapshot_store.ts";
import type { StorageStatus } from "../../src/storage/status.ts";
import type { Offset, ReadFrom } from "../../src/protocol/offset.ts";

/** Something is done before each of the first steps, then before one of many: it takes its time. */
const FIRST_STEPS = 4;
const LATER_STEPS = 10;

/**
 * A storage that does something to itself between steps: before each call that comes while no other one
 * runs and nobody watches; of long tests' calls after the first few only some. `between` returns the
 * storage to go on with.
 */
export class SteppedStorage implements Storage {
  readonly #between: () => Promise<Storage>;
  #ready: Promise<Storage>;
  #steps = 0;
  #calls = 0;
  #watchers = 0;
  #isClosed = false;
  readonly #first: Storage;
  readonly #isEach: boolean;
  readonly identity: string;
  /** Where the first storage has it, and so each that takes its place. */
  readonly update?: (name: string, change: StreamChange) => Promise<Updated>;

  /** @param when whether `between` takes so long that only some of many steps have it before them */
  constructor(storage: Storage, between: () => Promise<Storage>, when: "some" | "each" = "some") {
    this.#isEach = when === "each";
    this.#first = storage;
    this.identity = storage.identity;
    if (storage.update !== undefined) {
      this.update = (name, change) => this.#change(name, change);
    }
    this.#ready = Promise.resolve(storage);
    this.#between = between;
  }

  create(name: string, spec: CreateSpec): Promise<Created> {
    return this.#step((storage) => storage.create(name, spec));
  }

  append(name: string, request: AppendRequest): Promise<Appended> {
    return this.#step((storage) => storage.append(name, request));
  }

  #change(name: string, change: StreamChange): Promise<Updated> {
    return this.#step((storage) => {
      if (storage.update === undefined) throw new Error("The storage keeps all of every stream.");
      return storage.update(name, change);
    });
  }

  delete(name: string): Promise<void> {
    return this.#step((storage) => storage.delete(name));
  }

  head(name: string): Promise<StreamInfo> {
    return this.#step((storage) => storage.head(name));
  }

  describe(name: string): Promise<StreamDescription> {
    return this.#step((storage) => describe(storage, name));
  }

  read(name: string, from: ReadFrom, limitBytes: number): Promise<ReadResult> {
    return this.#step((storage) => storage.read(name, from, limitBytes));
  }

  countBefore(name: string, offset: Offset): Promise<MessageCount> {
    return this.#step((storage) => {
      if (storage.countBefore === undefined) throw new Error("The storage counts no messages.");
      return storage.countBefore(name, offset);
    });
  }

  readonly snapshots: SnapshotStore = {
    put: (name, spec) => this.#step((storage) => snapshotsOf(storage).put(name, spec)),
    get: (name) => this.#step((storage) => snapshotsOf(storage).get(name)),
    head: (name) => this.#step((storage) => snapshotsOf(storage).head(name)),
    delete: (name) => this.#step((storage) => snapshotsOf(storage).delete(name)),
  };

  /** Of the storage that it began with: no test of a contract asks how one is. */
  status(): StorageStatus {
    return this.#first.status();
  }

  list(request: ListRequest): Promise<ListPage> {
    return this.#step((storage) => storage.list(request));
  }

  async watch(name: string, onChange: () => void): Promise<Watch> {
    const watch = await this.#step((storage) => storage.watch(name, onChange));
    let isOver = false;
    this.#watchers++;
    return {
      cancel: () => {
        watch.cancel();
        if (!isOver) this.#watchers--;
        isOver = true;
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await (await this.#ready).close();
  }

  async #step<T>(call: (storage: Storage) => Promise<T>): Promise<T> {
    const isDue = this.#isEach || ++this.#steps <= FIRST_STEPS || this.#steps % LATER_STEPS === 0;
    if (isDue && this.#calls === 0 && this.#watchers === 0 && !this.#isClosed) {
      this.#ready = this.#ready.then(this.#between);
    }
    this.#calls++;
    try {
      return await call(await this.#ready);
    } finally {
      this.#calls--;
    }
  }
}

/** The snapshots of a storage that keeps some. */
export function snapshotsOf({ snapshots }: Storage): SnapshotStore {
  if (snapshots === undefined) throw noSnapshots();
  return snapshots;
}
