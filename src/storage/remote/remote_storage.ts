import type { Bytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { Offset, ReadFrom } from "../../protocol/offset.ts";
import type {
  KeptSnapshot,
  ReadSnapshot,
  SnapshotInfo,
  SnapshotSpec,
  SnapshotStore,
} from "../snapshot_store.ts";
import type { StorageStatus } from "../status.ts";
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
  StorageKind,
  StreamChange,
  StreamDescription,
  StreamInfo,
  Updated,
  Watch,
} from "../storage.ts";
import { callWatcher, type Watcher } from "../watcher.ts";
import { AppendBatch, decodeAppended, isBatched, isPackable } from "./append_wire.ts";
import type { Call, Deliver, MessageBatch, Reply } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { fromWire, toWire } from "./wire_bytes.ts";

/** What a thread has to know of the storage before its first call. */
export interface RemoteStart {
  readonly identity: string;
  readonly kind?: StorageKind | undefined;
  readonly status: StorageStatus;
}

/** Ids of calls go round within 32 bits; so many are never under way. */
const ID_LIMIT = 2 ** 32;

/**
 * A storage that another thread has, behind its {@link StorageHost}: all calls of one turn of the event
 * loop go there together. Closing it leaves the storage itself open.
 */
export class RemoteStorage implements Storage {
  readonly identity: string;
  readonly kind?: StorageKind;
  /** Where the storage keeps none, each call is told so. */
  readonly snapshots: SnapshotStore = {
    put: (name, spec) => this.#putSnapshot(name, spec),
    get: (name) =>
      this.#call(this.#readSnapshots, (id) => this.#out.send({ kind: "get_snapshot", id, name })),
    head: (name) =>
      this.#call(this.#snapshotInfos, (id) => this.#out.send({ kind: "head_snapshot", id, name })),
    delete: (name) =>
      this.#call(this.#done, (id) => this.#out.send({ kind: "delete_snapshot", id, name })),
  };
  readonly #out: Outbox<Call>;
  readonly #batch = new AppendBatch();
  readonly #created = new Pending<Created>();
  readonly #appended = new Pending<Appended>();
  readonly #done = new Pending<void>();
  readonly #updates = new Pending<Updated>();
  readonly #infos = new Pending<StreamInfo>();
  readonly #descriptions = new Pending<StreamDescription>();
  readonly #chunks = new Pending<ReadResult>();
  readonly #counts = new Pending<MessageCount>();
  readonly #pages = new Pending<ListPage>();
  readonly #keptSnapshots = new Pending<KeptSnapshot>();
  readonly #snapshotInfos = new Pending<SnapshotInfo>();
  readonly #readSnapshots = new Pending<ReadSnapshot<Bytes>>();
  readonly #watches = new Map<number, Watcher>();
  #status: StorageStatus;
  #nextId = 0;
  #closed: StreamError | undefined;

  constructor(deliver: Deliver<Call>, { identity, kind, status }: RemoteStart) {
    this.identity = identity;
    if (kind !== undefined) this.kind = kind;
    this.#status = status;
    this.#out = new Outbox(deliver, this.#batch);
  }

  /** Takes what the host has sent. */
  take(post: MessageBatch<Reply>): void {
    for (const part of post) {
      if (part instanceof ArrayBuffer) this.#takeBatch(part);
      else this.#takeReply(part);
    }
  }

  create(name: string, spec: CreateSpec): Promise<Created> {
    const { body, ...rest } = spec;
    // A copy, since the memory is the caller's.
    const sent = body && toWire(body.slice());
    return this.#call(
      this.#created,
      (id) => this.#out.send({ kind: "create", id, name, spec: rest, body: sent }, sent?.buffer),
    );
  }

  append(name: string, request: AppendRequest): Promise<Appended> {
    return this.#call(this.#appended, (id) => {
      if (isBatched(request) && isPackable(name, request)) {
        this.#batch.add(id, name, request);
        this.#out.sendSoon();
      } else {
        const { body, ...rest } = request;
        const sent = toWire(body.slice());
        this.#out.send({ kind: "append", id, name, request: rest, body: sent }, sent.buffer);
      }
    });
  }

  update(name: string, change: StreamChange): Promise<Updated> {
    return this.#call(
      this.#updates,
      (id) => this.#out.send({ kind: "update", id, name, change }),
    );
  }

  delete(name: string): Promise<void> {
    return this.#call(this.#done, (id) => this.#out.send({ kind: "delete", id, name }));
  }

  head(name: string): Promise<StreamInfo> {
    return this.#call(this.#infos, (id) => this.#out.send({ kind: "head", id, name }));
  }

  describe(name: string): Promise<StreamDescription> {
    return this.#call(
      this.#descriptions,
      (id) => this.#out.send({ kind: "describe", id, name }),
    );
  }

  read(name: string, from: ReadFrom, limitBytes: number): Promise<ReadResult> {
    return this.#call(
      this.#chunks,
      (id) => this.#out.send({ kind: "read", id, name, from, limitBytes }),
    );
  }

  countBefore(name: string, offset: Offset): Promise<MessageCount> {
    return this.#call(this.#counts, (id) => this.#out.send({ kind: "count", id, name, offset }));
  }

  list(request: ListRequest): Promise<ListPage> {
    return this.#call(this.#pages, (id) => this.#out.send({ kind: "list", id, request }));
  }

  async watch(name: string, onChange: () => void): Promise<Watch> {
    const id = this.#newId();
    this.#watches.set(id, onChange);
    try {
      await this.#request(this.#done, id, () => this.#out.send({ kind: "watch", id, name }));
    } catch (error) {
      this.#watches.delete(id);
      throw error;
    }
    return {
      cancel: () => {
        if (this.#watches.delete(id)) this.#out.send({ kind: "cancel", id });
      },
    };
  }

  /** As it was told last, at most a second ago. */
  status(): StorageStatus {
    return this.#status;
  }

  close(): Promise<void> {
    this.#closed ??= new StreamError({ code: "storage_closed" }, "The server is stopping.");
    for (const pending of this.#all()) pending.rejectAll(this.#closed);
    return Promise.resolve();
  }

  #call<T>(pending: Pending<T>, send: (id: number) => void): Promise<T> {
    return this.#request(pending, this.#newId(), send);
  }

  #request<T>(pending: Pending<T>, id: number, send: (id: number) => void): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      pending.add(id, { resolve, reject });
      send(id);
    });
  }

  #putSnapshot(name: string, { body, ...spec }: SnapshotSpec): Promise<KeptSnapshot> {
    const sent = toWire(body.slice());
    return this.#call(
      this.#keptSnapshots,
      (id) => this.#out.send({ kind: "keep_snapshot", id, name, spec, body: sent }, sent.buffer),
    );
  }

  #newId(): number {
    this.#nextId = (this.#nextId + 1) % ID_LIMIT;
    return this.#nextId;
  }

  #takeBatch(pack: ArrayBuffer): void {
    decodeAppended(pack, (id, appended) => this.#appended.resolve(id, appended));
  }

  #takeReply(answer: Reply): void {
    switch (answer.kind) {
      case "created":
        return this.#created.resolve(answer.id, answer.value);
      case "appended":
        return this.#appended.resolve(answer.id, answer.value);
      case "done":
        return this.#done.resolve(answer.id);
      case "updated":
        return this.#updates.resolve(answer.id, answer.value);
      case "info":
        return this.#infos.resolve(answer.id, answer.value);
      case "description":
        return this.#descriptions.resolve(answer.id, answer.value);
      case "chunk":
        return this.#chunks.resolve(answer.id, { ...answer.value, data: fromWire(answer.data) });
      case "counted":
        return this.#counts.resolve(answer.id, answer.value);
      case "page":
        return this.#pages.resolve(answer.id, answer.value);
      case "snapshot_kept":
        return this.#keptSnapshots.resolve(answer.id, answer.value);
      case "snapshot_info":
        return this.#snapshotInfos.resolve(answer.id, answer.value);
      case "snapshot":
        return this.#readSnapshots.resolve(
          answer.id,
          { ...answer.value, body: fromWire(answer.body) },
        );
      case "changed":
        return this.#notify(this.#watches.get(answer.id));
      case "refused":
        return this.#fail(answer.id, new StreamError(answer.failure, answer.message));
      case "failed":
        return this.#fail(answer.id, new Error(answer.message));
      case "status":
        this.#status = answer.status;
    }
  }

  #notify(watcher: Watcher | undefined): void {
    if (watcher !== undefined) callWatcher(watcher);
  }

  #fail(id: number, error: Error): void {
    for (const pending of this.#all()) pending.reject(id, error);
  }

  #all() {
    return [
      this.#created,
      this.#appended,
      this.#done,
      this.#updates,
      this.#infos,
      this.#descriptions,
      this.#chunks,
      this.#counts,
      this.#pages,
      this.#keptSnapshots,
      this.#snapshotInfos,
      this.#readSnapshots,
    ];
  }
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** Calls of one kind that wait for their answers. */
class Pending<T> {
  readonly #waiters = new Map<number, Waiter<T>>();

  add(id: number, asker: Waiter<T>): void {
    this.#waiters.set(id, asker);
  }

  resolve(id: number, value: T): void {
    const asker = this.#waiters.get(id);
    this.#waiters.delete(id);
    asker?.resolve(value);
  }

  reject(id: number, error: Error): void {
    const asker = this.#waiters.get(id);
    this.#waiters.delete(id);
    asker?.reject(error);
  }

  rejectAll(error: Error): void {
    for (const asker of this.#waiters.values()) asker.reject(error);
    this.#waiters.clear();
  }
}
