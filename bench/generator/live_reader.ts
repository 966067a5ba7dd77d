import { bun, type BunSocket } from "../system/bun.ts";
import { requestBytes, type Target } from "./requests.ts";
import { HttpParser } from "./parsers/http_parser.ts";

/** Stands once in each message, and in nothing else that a server sends: that is how deliveries are counted. */
export const MARKER = 0x40;

const STATUS_OK = "HTTP/1.1 200";

/** What a live reader tells. */
export interface LiveReaderEvents {
  /** More messages came. */
  seen(reader: LiveReader, count: number): void;
  /** The connection ended, or the server refused. */
  failed(reader: LiveReader, reason: string): void;
}

/** A reader of a stream by SSE or by long-polls, on a connection of its own. */
export class LiveReader {
  /** Which of the run's streams it reads. */
  readonly stream: number;
  /** How many messages it has seen. */
  seenCount = 0;
  /** Resolves once the server follows it: an SSE answer has begun, or a long-poll was sent. */
  readonly ready = Promise.withResolvers<void>();

  readonly #target: Target;
  readonly #path: string;
  readonly #events: LiveReaderEvents;
  readonly #parser: HttpParser | undefined;
  #socket: BunSocket<LiveReader> | undefined;
  #head = "";
  #closing = false;

  constructor(
    target: Target,
    path: string,
    stream: number,
    mode: "sse" | "long-poll",
    events: LiveReaderEvents,
  ) {
    this.#target = target;
    this.#path = path;
    this.stream = stream;
    this.#events = events;
    this.#parser = mode === "sse" ? undefined : new HttpParser();
  }

  /** Connects and asks from the start of the stream on, so that no message can slip in before. */
  async open(): Promise<void> {
    const runtime = bun();
    if (runtime === undefined) throw new Error("the load generator runs on Bun only");
    this.#socket = await runtime.connect<LiveReader>({
      hostname: this.#target.host,
      port: this.#target.port,
      data: this,
      socket: HANDLERS,
    });
    this.#request("-1");
    if (this.#parser !== undefined) this.ready.resolve();
    await this.ready.promise;
  }

  /** Closes without a word. */
  close(): void {
    this.#closing = true;
    this.#socket?.terminate();
  }

  /** Bytes came in. */
  received(bytes: Uint8Array): void {
    let count = 0;
    for (let at = bytes.indexOf(MARKER); at >= 0; at = bytes.indexOf(MARKER, at + 1)) count++;
    if (count > 0) this.#events.seen(this, count);
    if (this.#parser === undefined) this.#readHead(bytes);
    else this.#readResponse(this.#parser, bytes);
  }

  /** The socket closed or failed. */
  broken(reason: string): void {
    if (this.#closing) return;
    this.close();
    this.ready.reject(new Error(reason));
    this.#events.failed(this, reason);
  }

  #readHead(bytes: Uint8Array): void {
    if (this.#head.length >= STATUS_OK.length) return;
    this.#head += new TextDecoder("latin1").decode(bytes.subarray(0, STATUS_OK.length));
    if (this.#head.length < STATUS_OK.length) return;
    if (this.#head.startsWith(STATUS_OK)) this.ready.resolve();
    else this.broken(`an SSE read answered ${this.#head.slice(0, STATUS_OK.length)}`);
  }

  #readResponse(parser: HttpParser, bytes: Uint8Array): void {
    try {
      if (!parser.feed(bytes)) return;
    } catch (error) {
      this.broken(String(error));
      return;
    }
    if (parser.status === 200 || parser.status === 204) this.#request(parser.nextOffset);
    else this.broken(`a long-poll answered ${parser.status}`);
  }

  // One small request at a time: it always fits into the socket's buffer.
  #request(offset: string): void {
    const live = this.#parser === undefined ? "sse" : "long-poll";
    const path = `${this.#path}?offset=${offset}&live=${live}`;
    this.#socket?.write(requestBytes(this.#target, "GET", path));
  }
}

const HANDLERS = {
  data(socket: BunSocket<LiveReader>, bytes: Uint8Array): void {
    socket.data.received(bytes);
  },
  close(socket: BunSocket<LiveReader>): void {
    socket.data.broken("a reader's connection was closed");
  },
  error(socket: BunSocket<LiveReader>, error: Error): void {
    socket.data.broken(error.message);
  },
};
