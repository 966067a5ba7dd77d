import type { Bytes } from "../../protocol/bytes.ts";
import { StreamError } from "../../protocol/errors.ts";
import type { Offset } from "../../protocol/offset.ts";
import { describe } from "../describe.ts";
import { noSnapshots, type ReadSnapshot, type SnapshotStore } from "../snapshot_store.ts";
import type {
  AppendRequest,
  MessageCount,
  ReadResult,
  Storage,
  StreamChange,
  Updated,
  Watch,
} from "../storage.ts";
import { AppendedBatch, decodeAppends } from "./append_wire.ts";
import type { Call, Deliver, MessageBatch, Reply } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { fromWire, toWire } from "./wire_bytes.ts";

/** Serves a storage to one other thread, in which a `RemoteStorage` stands for it. */
export class StorageHost {
  readonly #storage: Storage;
  readonly #batch = new AppendedBatch();
  readonly #out: Outbox<Reply>;
  readonly #watches = new Map<number, Promise<Watch>>();

  constructor(storage: Storage, deliver: Deliver<Reply>) {
    this.#storage = storage;
    this.#out = new Outbox(deliver, this.#batch);
  }

  /** Takes what the other thread has sent. */
  take(post: MessageBatch<Call>): void {
    for (const part of post) {
      if (part instanceof ArrayBuffer) this.#takeBatch(part);
      else this.#takeCall(part);
    }
  }

  /** Says how the storage is; to be called every second. */
  sendStatus(): void {
    this.#out.send({ kind: "status", status: this.#storage.status() });
  }

  #takeBatch(pack: ArrayBuffer): void {
    decodeAppends(pack, (id, name, request) => this.#append(id, name, request));
  }

  #append(id: number, name: string, request: AppendRequest): void {
    this.#storage.append(name, request).then((appended) => {
      this.#batch.add(id, appended);
      this.#out.sendSoon();
    }, (error) => this.#sendError(id, error));
  }

  #takeCall(call: Call): void {
    const { id } = call;
    const refuse = (error: unknown) => this.#sendError(id, error);
    switch (call.kind) {
      case "append":
        return this.#append(id, call.name, { ...call.request, body: fromWire(call.body) });
      case "create":
        this.#storage.create(call.name, { ...call.spec, body: call.body && fromWire(call.body) })
          .then((value) => this.#out.send({ kind: "created", id, value }), refuse);
        return;
      case "update":
        this.#update(call.name, call.change)
          .then((value) => this.#out.send({ kind: "updated", id, value }), refuse);
        return;
      case "delete":
        this.#storage.delete(call.name)
          .then(() => this.#out.send({ kind: "done", id }), refuse);
        return;
      case "head":
        this.#storage.head(call.name)
          .then((value) => this.#out.send({ kind: "info", id, value }), refuse);
        return;
      case "describe":
        describe(this.#storage, call.name)
          .then((value) => this.#out.send({ kind: "description", id, value }), refuse);
        return;
      case "read":
        this.#storage.read(call.name, call.from, call.limitBytes)
          .then((value) => this.#sendChunk(id, value), refuse);
        return;
      case "count":
        this.#count(call.name, call.offset)
          .then((value) => this.#out.send({ kind: "counted", id, value }), refuse);
        return;
      case "list":
        this.#storage.list(call.request)
          .then((value) => this.#out.send({ kind: "page", id, value }), refuse);
        return;
      case "keep_snapshot":
        this.#snapshots((store) =>
          store.put(call.name, { ...call.spec, body: fromWire(call.body) })
        )
          .then((value) => this.#out.send({ kind: "snapshot_kept", id, value }), refuse);
        return;
      case "get_snapshot":
        this.#snapshots((store) => store.get(call.name))
          .then((value) => this.#sendSnapshot(id, value), refuse);
        return;
      case "head_snapshot":
        this.#snapshots((store) => store.head(call.name))
          .then((value) => this.#out.send({ kind: "snapshot_info", id, value }), refuse);
        return;
      case "delete_snapshot":
        this.#snapshots((store) => store.delete(call.name))
          .then(() => this.#out.send({ kind: "done", id }), refuse);
        return;
      case "watch":
        return this.#watch(id, call.name);
      case "cancel":
        return this.#cancel(id);
    }
  }

  async #update(name: string, change: StreamChange): Promise<Updated> {
    if (this.#storage.update !== undefined) return await this.#storage.update(name, change);
    throw new StreamError(
      { code: "retention_unsupported" },
      "The storage keeps all of every stream.",
    );
  }

  async #count(name: string, offset: Offset): Promise<MessageCount> {
    if (this.#storage.countBefore !== undefined) {
      return await this.#storage.countBefore(name, offset);
    }
    throw new StreamError({ code: "ordinals_unsupported" }, "The storage doesn't count messages.");
  }

  async #snapshots<T>(call: (store: SnapshotStore) => Promise<T>): Promise<T> {
    if (this.#storage.snapshots !== undefined) return await call(this.#storage.snapshots);
    throw noSnapshots();
  }

  /** A copy, since the memory is the storage's. */
  #sendSnapshot(id: number, { body, ...value }: ReadSnapshot<Bytes>): void {
    const sent = toWire(body.slice());
    this.#out.send({ kind: "snapshot", id, value, body: sent }, sent.buffer);
  }

  /** The chunk's memory is the caller's own, and changes hands. */
  #sendChunk(id: number, { data, ...value }: ReadResult): void {
    // What is empty may be everybody's, and stays here.
    const given = data.length > 0 ? data.buffer : undefined;
    this.#out.send({ kind: "chunk", id, value, data: toWire(data) }, given);
  }

  #watch(id: number, name: string): void {
    const watch = this.#storage.watch(name, () => this.#out.send({ kind: "changed", id }));
    this.#watches.set(id, watch);
    watch.then(() => this.#out.send({ kind: "done", id }), (error) => {
      this.#watches.delete(id);
      this.#sendError(id, error);
    });
  }

  #cancel(id: number): void {
    this.#watches.get(id)?.then((watch) => watch.cancel(), () => {});
    this.#watches.delete(id);
  }

  #sendError(id: number, error: unknown): void {
    if (error instanceof StreamError) {
      this.#out.send({ kind: "refused", id, failure: error.failure, message: error.message });
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    this.#out.send({ kind: "failed", id, message });
  }
}
