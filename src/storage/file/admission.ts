import { StreamError } from "../../protocol/errors.ts";
import type { Admission, CommandKind } from "../admission.ts";
import type { Ballast } from "./directory/ballast.ts";
import type { Checkpointer } from "./streams/checkpoint.ts";
import type { DirtyStreams } from "./streams/dirty_streams.ts";
import type { StorageLimits } from "./limits.ts";
import type { LogWriter } from "./wal/writer.ts";
import { shortageStreamError } from "./directory/shortage_error.ts";

/** Waiting commands' bytes are counted with at least this much each. */
const COMMAND_BYTES = 512;
/** What a record may hold beside its data, and all of a delete's: names, types, a producer's id. */
const RECORD_OVERHEAD_BYTES = 8 * 1024;
/** JSON as it is stored is at most this much longer than as it came: `[1,1]` becomes `1,\n1,\n`. */
const STORED_GROWTH = 1.5;

/** What decides who is let in. */
export interface FileAdmissionParts {
  log: Pick<
    LogWriter<never>,
    | "failure"
    | "shortage"
    | "queuedBytes"
    | "roomBytes"
    | "firstUnallocated"
    | "isAtLimitFor"
    | "makeRoomFor"
  >;
  checkpointer: Pick<Checkpointer, "shortage" | "request">;
  ballast: Pick<Ballast, "release">;
  dirty: Pick<DirtyStreams, "count">;
  limits: Pick<
    StorageLimits,
    "maxQueuedBytes" | "batchBytes" | "deleteReserveBytes" | "maxDirtyStreams"
  >;
}

/**
 * Lets commands in whose records have a place in the log. Others wait at a gate, in their order, until
 * a checkpoint or a new file has made room, and are refused where there will be none for now.
 */
export class FileAdmission implements Admission {
  readonly #parts: FileAdmissionParts;
  #gate: PromiseWithResolvers<void> | undefined;
  #waitingBytes = 0;
  #isClosed = false;

  constructor(parts: FileAdmissionParts) {
    this.#parts = parts;
  }

  /** Bytes of the commands that wait. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  admit(kind: CommandKind, bytes: number): Promise<void> | undefined {
    const { log } = this.#parts;
    if (log.failure !== undefined) throw log.failure;
    if (this.#isClosed) {
      throw new StreamError({ code: "storage_closed" }, "The server is stopping.");
    }
    if (log.shortage.isHolding) this.#admitBehindHeldBatch(kind);
    if (kind === "delete") {
      const unallocatedBytes = log.firstUnallocated(RECORD_OVERHEAD_BYTES);
      return unallocatedBytes === undefined ? undefined : this.#waitForFile(unallocatedBytes, 0);
    }
    const { maxQueuedBytes, batchBytes, deleteReserveBytes, maxDirtyStreams } = this.#parts.limits;
    const queuedBytes = log.queuedBytes + this.#waitingBytes;
    if (queuedBytes > maxQueuedBytes) {
      throw new StreamError(
        { code: "overloaded" },
        `${queuedBytes} bytes wait to be written, more than ${maxQueuedBytes}: try again.`,
      );
    }
    // Nobody overtakes who waits: a producer's batches would change places.
    if (this.#gate !== undefined) return this.#waitAtGate(bytes);
    const isFull = log.roomBytes < batchBytes || this.#parts.dirty.count >= maxDirtyStreams;
    if (isFull) return this.#waitForCheckpoint(bytes);
    const recordBytes = Math.ceil(bytes * STORED_GROWTH) + RECORD_OVERHEAD_BYTES;
    const unallocatedBytes = log.firstUnallocated(recordBytes, deleteReserveBytes);
    if (unallocatedBytes === undefined) return undefined;
    return log.isAtLimitFor(unallocatedBytes)
      ? this.#waitForCheckpoint(bytes)
      : this.#waitForFile(unallocatedBytes, bytes);
  }

  checkUnadmitted(): void {
    const { log } = this.#parts;
    const { kind, isHolding } = log.shortage;
    if (kind === undefined) return;
    if (isHolding || log.firstUnallocated(RECORD_OVERHEAD_BYTES) !== undefined) {
      throw shortageStreamError(kind);
    }
  }

  /** Nothing is let in any more. */
  close(): void {
    this.#isClosed = true;
    this.openGate();
  }

  /** Lets in those who waited for room. */
  openGate(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /**
   * A batch is held. A delete is what makes room: it gets in if the ballast's is left, with which the
   * batch is tried again.
   */
  #admitBehindHeldBatch(kind: CommandKind): void {
    const { log: { shortage }, ballast } = this.#parts;
    const makesRoom = kind === "delete" && shortage.kind === "no_space" && ballast.release();
    if (!makesRoom) throw shortageStreamError(shortage.kind ?? "no_space");
    shortage.tryHeld();
  }

  /** The log is at its limit: a checkpoint has to free some of it. */
  #waitForCheckpoint(bytes: number): Promise<void> {
    const { checkpointer } = this.#parts;
    if (checkpointer.shortage !== undefined) throw shortageStreamError(checkpointer.shortage);
    checkpointer.request();
    return this.#waitAtGate(bytes);
  }

  /** The log's files have no room left: it needs another. */
  #waitForFile(unallocatedBytes: number, bytes: number): Promise<void> {
    const { log } = this.#parts;
    if (log.shortage.kind !== undefined) throw shortageStreamError(log.shortage.kind);
    void log.makeRoomFor(unallocatedBytes).then(() => this.openGate());
    return this.#waitAtGate(bytes);
  }

  async #waitAtGate(bytes: number): Promise<void> {
    this.#gate ??= Promise.withResolvers();
    const counted = Math.max(bytes, COMMAND_BYTES);
    this.#waitingBytes += counted;
    try {
      await this.#gate.promise;
    } finally {
      this.#waitingBytes -= counted;
    }
  }
}
