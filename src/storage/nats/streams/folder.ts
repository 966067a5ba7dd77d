import { type CachedMessage, toCached } from "./cached_message.ts";
import { foldMessage } from "./fold.ts";
import type { StreamMessage } from "../format/message.ts";
import type { MessageCache } from "./message_cache.ts";
import type { NatsStream } from "./nats_stream.ts";
import type { StreamSnapshot } from "../format/snapshot.ts";
import { noteForwarded } from "./stored_appends.ts";

/** What a {@link Folder} works on. */
export interface FolderParts {
  /** This front end's number. */
  readonly frontEnd: number;
  readonly cache: MessageCache;
  /** Called for a stream after each message, before who waits for it is notified. */
  onFolded(stream: NatsStream): void;
}

/** Brings streams in memory forward, one message at a time, whoever wrote it. */
export class Folder {
  readonly #parts: FolderParts;

  constructor(parts: FolderParts) {
    this.#parts = parts;
  }

  /** Applies a message that fits, keeps its bytes, and notifies who waits. */
  fold(stream: NatsStream, message: StreamMessage, sequence: number): CachedMessage {
    const { inFlight } = stream;
    // Seen here before its own acknowledgement, or instead of one that was lost.
    if (
      inFlight !== undefined && message.frontEnd === this.#parts.frontEnd &&
      message.count === inFlight.count
    ) {
      inFlight.sequence = sequence;
    }
    noteForwarded(stream, message, this.#parts.frontEnd);
    const isVisible = foldMessage(stream, message, sequence);
    stream.callMarks.note(message, sequence);
    const cached = toCached(message, sequence);
    if (stream.lifecycle === "deleted") this.#parts.cache.drop(stream);
    else this.#parts.cache.add(stream, cached);
    this.#parts.onFolded(stream);
    if (isVisible) stream.notify();
    return cached;
  }

  /**
   * Replaces a stream's state by a snapshot that is ahead of it. Nothing of it may be under way, unless what is
   * left out is gone: then nobody will ever know whether it was in there.
   */
  jump(stream: NatsStream, snapshot: StreamSnapshot, sequence: number, isGone = false): void {
    if (snapshot.sequence <= stream.sequence || stream.lifecycle === "deleted") return;
    if (stream.inFlight !== undefined && !isGone) return;
    stream.resume(snapshot);
    stream.snapshotSequence = sequence;
    if (isGone) stream.missedUpTo = snapshot.sequence;
    this.#parts.onFolded(stream);
    stream.notify();
  }
}
