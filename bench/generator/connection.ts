import { bun, type BunSocket } from "../system/bun.ts";
import { makeParser } from "./parsers/make_parser.ts";
import type { ResponseParser } from "./parsers/response_parser.ts";
import { natsInbox } from "./append_request.ts";
import { joinBytes, portOf, type Target } from "./requests.ts";

/** What drives a connection: told of each complete response, it sends the next request or none. */
export interface Driver<Self> {
  /** A whole response is there. `bytes` is how large its body was. */
  responded(connection: Self): void;
  /** A body byte count as it arrives, before the response is complete. */
  received?(bytes: number): void;
  /** The connection broke or the answer could not be understood. */
  failed(connection: Self, reason: string): void;
}

/** One keep-alive connection with at most one request in flight. */
export class Connection {
  /** Position of this connection among its run's. */
  readonly index: number;
  /** The response last received. */
  readonly response: ResponseParser;
  /** When the request in flight was sent. */
  sentAtNanos = 0;
  /** Whether a request is in flight. */
  busy = false;

  readonly #driver: Driver<Connection>;
  #socket: BunSocket<Connection> | undefined;
  #unsent: Uint8Array | undefined;
  #closing = false;
  #whole = true;

  private constructor(target: Target, index: number, driver: Driver<Connection>) {
    this.index = index;
    this.response = makeParser(target.protocol);
    this.#driver = driver;
  }

  /** Connects. */
  static async open(
    target: Target,
    index: number,
    driver: Driver<Connection>,
  ): Promise<Connection> {
    const runtime = bun();
    if (runtime === undefined) throw new Error("the load generator runs on Bun only");
    const connection = new Connection(target, index, driver);
    connection.#socket = await runtime.connect<Connection>({
      hostname: target.host,
      port: portOf(target, index),
      data: connection,
      socket: HANDLERS,
    });
    connection.#socket.setNoDelay(true);
    if (target.protocol === "nats") connection.#write(natsGreeting(index));
    return connection;
  }

  /** Sends a whole request. */
  send(request: Uint8Array, nowNanos: number): void {
    this.sentAtNanos = nowNanos;
    this.busy = true;
    this.#write(request);
  }

  /** Closes without waiting for what is in flight. */
  close(): void {
    this.#closing = true;
    this.#socket?.terminate();
  }

  /** The socket may be written to again. */
  drained(): void {
    const unsent = this.#unsent;
    if (unsent === undefined) return;
    this.#unsent = undefined;
    this.#write(unsent);
  }

  /** Bytes came in. */
  received(bytes: Uint8Array): void {
    const response = this.response;
    if (this.#whole && isPlain204(bytes)) {
      response.status = 204;
      response.bodyBytes = 0;
      this.busy = false;
      this.#driver.responded(this);
      return;
    }
    if (this.#whole) response.bodyBytes = 0;
    const before = response.bodyBytes;
    try {
      this.#whole = response.feed(bytes);
    } catch (error) {
      this.broken(String(error));
      return;
    }
    this.#driver.received?.(response.bodyBytes - before);
    if (!this.#whole) return;
    this.busy = false;
    this.#driver.responded(this);
  }

  /** The socket closed or failed. */
  broken(reason: string): void {
    if (this.#closing) return;
    this.close();
    this.#driver.failed(this, reason);
  }

  #write(bytes: Uint8Array): void {
    const written = this.#socket?.write(bytes) ?? 0;
    if (written < bytes.byteLength) this.#unsent = bytes.slice(Math.max(0, written));
  }
}

const HANDLERS = {
  data(socket: BunSocket<Connection>, bytes: Uint8Array): void {
    socket.data.received(bytes);
  },
  drain(socket: BunSocket<Connection>): void {
    socket.data.drained();
  },
  close(socket: BunSocket<Connection>): void {
    socket.data.broken("connection closed");
  },
  error(socket: BunSocket<Connection>, error: Error): void {
    socket.data.broken(error.message);
  },
};

function natsGreeting(index: number): Uint8Array {
  const options = '{"verbose":false,"pedantic":false,"lang":"bench","version":"1","protocol":1}';
  return joinBytes(`CONNECT ${options}\r\nSUB ${natsInbox(index)} 1\r\n`);
}

// Nearly every answer to an append is a 204 in one piece: nothing of it needs parsing then.
function isPlain204(bytes: Uint8Array): boolean {
  const end = bytes.byteLength;
  return bytes[9] === 0x32 && bytes[10] === 0x30 && bytes[11] === 0x34 &&
    bytes[end - 1] === 0x0a && bytes[end - 2] === 0x0d && bytes[end - 3] === 0x0a;
}
