import { getLogger } from "@logtape/logtape";
import { bodyLength } from "../env/file_body.ts";
import { type Bytes, encodeUtf8 } from "../protocol/bytes.ts";
import { type AnswerPlace, encodeAnswerHead, type Framing } from "./response_head.ts";
import { type ChunkEncoder, LAST_CHUNK } from "./chunk_encoder.ts";
import {
  type Answer,
  type FrameSink,
  isLive,
  isSliceBody,
  type LiveBody,
  type SliceBody,
} from "./handler.ts";
import type { Outbox } from "./write_queue.ts";
import type { RequestHead } from "./request_head.ts";

const log = getLogger(["durable-streams", "http"]);

/** A blob is read and sent in pieces of this size. */
const BLOB_PIECE_BYTES = 256 * 1024;

/** What is called as an answer ends. */
export interface AnswerEnd {
  /** All of it is on its way. */
  finished(keepsAlive: boolean): void;
  /** The rest of it won't come, and the client has to see that. */
  cut(): void;
}

/** Writes answers to a connection, one after the other. */
export class AnswerWriter {
  readonly #outbox: Outbox;
  readonly #chunks: ChunkEncoder;
  readonly #date: () => string;
  readonly #end: AnswerEnd;
  #live: LiveBody | undefined;
  #onDrained: (() => void) | undefined;
  #isGone = false;

  constructor(outbox: Outbox, parts: { chunks: ChunkEncoder; date(): string }, end: AnswerEnd) {
    this.#outbox = outbox;
    this.#chunks = parts.chunks;
    this.#date = parts.date;
    this.#end = end;
  }

  /**
   * Begins an answer; `finished` or `cut` is called once it has ended, which may be at once.
   *
   * @param head what it answers; `undefined` where that can't be told
   * @throws {TypeError} where a header can't be sent
   */
  write(answer: Answer, head: RequestHead | undefined, keepsAlive: boolean): void {
    const isBare = head?.method === "HEAD" || answer.status === 204 || answer.status === 304;
    const body = typeof answer.body === "string" ? encodeUtf8(answer.body) : answer.body;
    const isHttp11 = head?.isHttp11 ?? true;
    const framing = isBare ? NO_BODY : framingOf(body, isHttp11);
    const isKept = keepsAlive && framing.kind !== "close";
    const place = { framing, keepsAlive: isKept, isHttp11, date: this.#date() };
    const encoded = this.#encodeHead(answer, place);
    if (isBare || body === null) {
      this.#outbox.send(encoded);
      this.discard(answer);
      this.#end.finished(isKept);
    } else if (isLive(body)) {
      this.#outbox.send(encoded);
      this.#live = body;
      body.attach(
        new LiveSink(this.#outbox, {
          encode: framing.kind === "chunks" ? (frame) => this.#chunks.encode(frame) : undefined,
          end: () => this.#endLive(framing, isKept),
          cut: () => this.#end.cut(),
        }),
      );
    } else if (body instanceof Blob) {
      this.#outbox.send(encoded);
      void this.#sendBlob(body, isKept);
    } else if (isSliceBody(body)) {
      this.#sendSlice(encoded, body);
      this.#end.finished(isKept);
    } else {
      this.#outbox.sendBoth(encoded, body);
      this.#end.finished(isKept);
    }
  }

  /** Lets go of an answer that isn't sent. */
  discard({ body }: Answer): void {
    if (isLive(body)) body.gone();
    else if (isSliceBody(body)) body.slice.release();
  }

  /** The client has room again. */
  drained(): void {
    this.#live?.drained();
    this.#onDrained?.();
  }

  /** The client is gone. */
  gone(): void {
    this.#isGone = true;
    const live = this.#live;
    this.#live = undefined;
    live?.gone();
    this.#outbox.close();
    this.#onDrained?.();
  }

  #encodeHead(answer: Answer, place: AnswerPlace): string | Bytes {
    try {
      return encodeAnswerHead(answer, place);
    } catch (error) {
      this.discard(answer);
      throw error;
    }
  }

  #sendSlice(head: string | Bytes, { before, slice, after }: SliceBody): void {
    try {
      if (typeof head === "string") {
        this.#outbox.send(head + before);
      } else {
        this.#outbox.send(head);
        this.#outbox.send(before);
      }
      this.#outbox.send(slice);
      if (after !== "") this.#outbox.send(after);
    } catch (error) {
      slice.release();
      throw error;
    }
  }

  #endLive(framing: Framing, keepsAlive: boolean): void {
    if (this.#live === undefined) return;
    this.#live = undefined;
    if (framing.kind === "chunks") this.#outbox.send(LAST_CHUNK);
    this.#end.finished(keepsAlive);
  }

  async #sendBlob(blob: Blob, keepsAlive: boolean): Promise<void> {
    try {
      for (let at = 0; at < blob.size && !this.#isGone; at += BLOB_PIECE_BYTES) {
        const piece = blob.slice(at, at + BLOB_PIECE_BYTES);
        this.#outbox.send(new Uint8Array(await piece.arrayBuffer()));
        await this.#room();
      }
    } catch (error) {
      log.error("a body can't be read on", { error });
      return this.#end.cut();
    }
    if (!this.#isGone) this.#end.finished(keepsAlive);
  }

  async #room(): Promise<void> {
    while (this.#outbox.queuedBytes >= BLOB_PIECE_BYTES && !this.#isGone) {
      await new Promise<void>((resolve) => this.#onDrained = resolve);
      this.#onDrained = undefined;
    }
  }
}

const NO_BODY: Framing = { kind: "none" };

function framingOf(body: null | Bytes | Blob | SliceBody | LiveBody, isHttp11: boolean): Framing {
  if (body === null) return { kind: "length", bytes: 0 };
  if (isLive(body)) return { kind: isHttp11 ? "chunks" : "close" };
  if (!isSliceBody(body)) return { kind: "length", bytes: bodyLength(body) };
  const { before, slice, after } = body;
  return { kind: "length", bytes: before.length + bodyLength(slice) + after.length };
}

interface LiveSinkParts {
  readonly encode: ((frame: Bytes) => Bytes) | undefined;
  end(): void;
  cut(): void;
}

class LiveSink implements FrameSink {
  readonly #outbox: Outbox;
  readonly #parts: LiveSinkParts;

  constructor(outbox: Outbox, parts: LiveSinkParts) {
    this.#outbox = outbox;
    this.#parts = parts;
  }

  get queuedBytes(): number {
    return this.#outbox.queuedBytes;
  }

  write(frame: Bytes): void {
    if (frame.length === 0) return;
    this.#outbox.send(this.#parts.encode === undefined ? frame : this.#parts.encode(frame));
  }

  end(): void {
    this.#parts.end();
  }

  cut(): void {
    this.#parts.cut();
  }
}
