import type { Failure } from "../../protocol/errors.ts";
import type { Offset, ReadFrom } from "../../protocol/offset.ts";
import type { KeptSnapshot, SnapshotInfo, SnapshotSpec } from "../snapshot_store.ts";
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
  StreamChange,
  StreamDescription,
  StreamInfo,
  Updated,
} from "../storage.ts";
import type { WireBytes } from "./wire_bytes.ts";

/**
 * What a thread asks the storage's thread for; `id` is the caller's, and comes back with the answer. A
 * body stands beside its request, which is without.
 */
export type Call =
  | {
    kind: "create";
    id: number;
    name: string;
    spec: Omit<CreateSpec, "body">;
    body: WireBytes | undefined;
  }
  | {
    kind: "append";
    id: number;
    name: string;
    request: Omit<AppendRequest, "body">;
    body: WireBytes;
  }
  | { kind: "update"; id: number; name: string; change: StreamChange }
  | { kind: "delete"; id: number; name: string }
  | { kind: "head"; id: number; name: string }
  | { kind: "describe"; id: number; name: string }
  | { kind: "read"; id: number; name: string; from: ReadFrom; limitBytes: number }
  | { kind: "count"; id: number; name: string; offset: Offset }
  | { kind: "list"; id: number; request: ListRequest }
  | {
    kind: "keep_snapshot";
    id: number;
    name: string;
    spec: Omit<SnapshotSpec, "body">;
    body: WireBytes;
  }
  | { kind: "get_snapshot" | "head_snapshot" | "delete_snapshot"; id: number; name: string }
  | { kind: "watch"; id: number; name: string }
  | { kind: "cancel"; id: number };

/** What it is told. `changed` comes again and again, for a `watch` until its `cancel`. */
export type Reply =
  | { kind: "created"; id: number; value: Created }
  | { kind: "appended"; id: number; value: Appended }
  | { kind: "done"; id: number }
  | { kind: "updated"; id: number; value: Updated }
  | { kind: "info"; id: number; value: StreamInfo }
  | { kind: "description"; id: number; value: StreamDescription }
  | { kind: "chunk"; id: number; value: Omit<ReadResult, "data">; data: WireBytes }
  | { kind: "counted"; id: number; value: MessageCount }
  | { kind: "page"; id: number; value: ListPage }
  | { kind: "snapshot_kept"; id: number; value: KeptSnapshot }
  | { kind: "snapshot_info"; id: number; value: SnapshotInfo }
  | { kind: "snapshot"; id: number; value: SnapshotInfo; body: WireBytes }
  | { kind: "changed"; id: number }
  | { kind: "refused"; id: number; failure: Failure; message: string }
  | { kind: "failed"; id: number; message: string }
  | { kind: "status"; status: StorageStatus };

/** What one turn of the event loop gathered, in its order: most of it appends, packed into buffers. */
export type MessageBatch<T> = readonly (T | ArrayBuffer)[];

/** Brings a post to the other thread. */
export type Deliver<T> = (post: MessageBatch<T>, transfer: ArrayBuffer[]) => void;
