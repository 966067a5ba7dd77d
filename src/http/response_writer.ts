import { getLogger } from "@logtape/logtape";
import { bodyLength } from "../env/file_body.ts";
import { type Bytes, encodeUtf8 } from "../protocol/bytes.ts";
import { encodeResponseHead, type Framing, type ResponseHeadParts } from "./response_head.ts";
import { type ChunkEncoder, LAST_CHUNK } from "./chunk_encoder.ts";
import {
  type FrameSink,
  type HttpResponse,
  isLiveBody,
  isSliceBody,
  type LiveBody,
  type SliceBody,
} from "./handler.ts";
import type { WriteQueue } from "./write_queue.ts";
import type { RequestHead } from "./request_head.ts";

const log = getLogger(["durable-streams", "http"]);

/** A blob is read and sent in chunks of this size. */
const BLOB_CHUNK_BYTES = 256 * 1024;

/** Called as a response ends. */
export interface ResponseEnd {
  /** All of it is on its way. */
  finished(keepsAlive: boolean): void;
  /** The rest of it won't come, and the client has to see that. */
  destroy(): void;
}

/** Writes responses to a connection, one after the other. */
export class ResponseWriter {
  readonly #queue: WriteQueue;
  readonly #chunks: ChunkEncoder;
  readonly #date: () => string;
  readonly #end: ResponseEnd;
  #live: LiveBody | undefined;
  #onDrained: (() => void) | undefined;
  #isDisconnected = false;

  constructor(
    queue: WriteQueue,
    parts: { chunks: ChunkEncoder; date(): string },
    end: ResponseEnd,
  ) {
    this.#queue = queue;
    this.#chunks = parts.chunks;
    this.#date = parts.date;
    this.#end = end;
  }

  /**
   * Begins a response; `finished` or `destroy` is called once it has ended, which may be at once.
   *
   * @param head the head of the request, `undefined` where there is none
   * @throws {TypeError} where a header can't be sent
   */
  write(response: HttpResponse, head: RequestHead | undefined, keepsAlive: boolean): void {
    const isBare = head?.method === "HEAD" || response.status === 204 || response.status === 304;
    const body = typeof response.body === "string" ? encodeUtf8(response.body) : response.body;
    const isHttp11 = head?.isHttp11 ?? true;
    const framing = isBare ? NO_BODY : framingOf(body, isHttp11);
    const isKept = keepsAlive && framing.kind !== "close";
    const parts = { framing, keepsAlive: isKept, isHttp11, date: this.#date() };
    const encoded = this.#encodeHead(response, parts);
    if (isBare || body === null) {
      this.#queue.send(encoded);
      this.discard(response);
      this.#end.finished(isKept);
    } else if (isLiveBody(body)) {
      this.#queue.send(encoded);
      this.#live = body;
      body.attach(
        new LiveSink(this.#queue, {
          encode: framing.kind === "chunks" ? (frame) => this.#chunks.encode(frame) : undefined,
          end: () => this.#endLive(framing, isKept),
          destroy: () => this.#end.destroy(),
        }),
      );
    } else if (body instanceof Blob) {
      this.#queue.send(encoded);
      void this.#sendBlob(body, isKept);
    } else if (isSliceBody(body)) {
      this.#sendSlice(encoded, body);
      this.#end.finished(isKept);
    } else {
      this.#queue.sendTogether(encoded, body);
      this.#end.finished(isKept);
    }
  }

  /** Releases a response that isn't sent. */
  discard({ body }: HttpResponse): void {
    if (isLiveBody(body)) body.disconnected();
    else if (isSliceBody(body)) body.slice.release();
  }

  /** The client has room again. */
  drained(): void {
    this.#live?.drained();
    this.#onDrained?.();
  }

  /** The client is gone. */
  disconnected(): void {
    this.#isDisconnected = true;
    const live = this.#live;
    this.#live = undefined;
    live?.disconnected();
    this.#queue.close();
    this.#onDrained?.();
  }

  #encodeHead(response: HttpResponse, parts: ResponseHeadParts): string | Bytes {
    try {
      return encodeResponseHead(response, parts);
    } catch (error) {
      this.discard(response);
      throw error;
    }
  }

  #sendSlice(head: string | Bytes, { before, slice, after }: SliceBody): void {
    try {
      if (typeof head === "string") this.#queue.sendTogether(head + before, slice, after);
      else this.#queue.sendTogether(head, before, slice, after);
    } catch (error) {
      slice.release();
      throw error;
    }
  }

  #endLive(framing: Framing, keepsAlive: boolean): void {
    if (this.#live === undefined) return;
    this.#live = undefined;
    if (framing.kind === "chunks") this.#queue.send(LAST_CHUNK);
    this.#end.finished(keepsAlive);
  }

  async #sendBlob(blob: Blob, keepsAlive: boolean): Promise<void> {
    try {
      for (let at = 0; at < blob.size && !this.#isDisconnected; at += BLOB_CHUNK_BYTES) {
        const chunk = blob.slice(at, at + BLOB_CHUNK_BYTES);
        this.#queue.send(new Uint8Array(await chunk.arrayBuffer()));
        await this.#waitForDrain();
      }
    } catch (error) {
      log.error("a body can't be read on", { error });
      return this.#end.destroy();
    }
    if (!this.#isDisconnected) this.#end.finished(keepsAlive);
  }

  async #waitForDrain(): Promise<void> {
    while (this.#queue.queuedBytes >= BLOB_CHUNK_BYTES && !this.#isDisconnected) {
      await new Promise<void>((resolve) => this.#onDrained = resolve);
      this.#onDrained = undefined;
    }
  }
}

const NO_BODY: Framing = { kind: "none" };

function framingOf(body: null | Bytes | Blob | SliceBody | LiveBody, isHttp11: boolean): Framing {
  if (body === null) return { kind: "length", bytes: 0 };
  if (isLiveBody(body)) return { kind: isHttp11 ? "chunks" : "close" };
  if (!isSliceBody(body)) return { kind: "length", bytes: bodyLength(body) };
  const { before, slice, after } = body;
  return { kind: "length", bytes: before.length + bodyLength(slice) + after.length };
}

interface LiveSinkParts {
  readonly encode: ((frame: Bytes) => Bytes) | undefined;
  end(): void;
  destroy(): void;
}

class LiveSink implements FrameSink {
  readonly #queue: WriteQueue;
  readonly #parts: LiveSinkParts;

  constructor(queue: WriteQueue, parts: LiveSinkParts) {
    this.#queue = queue;
    this.#parts = parts;
  }

  get queuedBytes(): number {
    return this.#queue.queuedBytes;
  }

  write(frame: Bytes): void {
    if (frame.length === 0) return;
    this.#queue.send(this.#parts.encode === undefined ? frame : this.#parts.encode(frame));
  }

  end(): void {
    this.#parts.end();
  }

  destroy(): void {
    this.#parts.destroy();
  }
}
