import { Buffer } from "node:buffer";
import type { FileSlice } from "../../src/env/file_body.ts";
import type { Connection } from "../../src/http/connection.ts";
import { BodyBuffer } from "../../src/http/body_buffer.ts";
import {
  type Handler,
  type HttpRequest,
  type HttpResponse,
  isBodySource,
  type Respond,
} from "../../src/http/handler.ts";
import type { ConnectionCounts } from "../../src/http/connection_counts.ts";
import { HttpConnections } from "../../src/http/connections.ts";
import type { Socket } from "../../src/http/socket.ts";
import type { Bytes } from "../../src/protocol/bytes.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** A client's socket as a connection sees it; it takes as much as a test lets it. */
export class FakeSocket implements Socket {
  /** What the client got. */
  received = "";
  /** How much it takes before it has to drain. */
  roomBytes = Infinity;
  /** How often it was written to. */
  writes = 0;
  readonly fd = 7;
  isPaused = false;
  /** How it ended. */
  ending: "shutdown" | "end" | "terminate" | undefined;

  write(data: Bytes | string): number {
    this.writes++;
    const bytes = Buffer.from(data);
    const taken = Math.min(bytes.length, this.roomBytes);
    this.roomBytes -= taken;
    this.received += bytes.toString("latin1", 0, taken);
    return taken;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  shutdown(): void {
    this.ending = "shutdown";
  }

  end(): void {
    this.ending = "end";
  }

  terminate(): void {
    this.ending = "terminate";
  }
}

/** A part of a file, here text, that goes to one socket; as the system does, it takes what room there is. */
export class FakeSlice implements FileSlice {
  readonly start: number;
  readonly end: number;
  /** How often it was let go of. */
  releases = 0;
  /** What the file has. */
  text: string;
  readonly #socket: FakeSocket;

  constructor(socket: FakeSocket, text: string, start: number, end: number) {
    this.#socket = socket;
    this.text = text;
    this.start = start;
    this.end = end;
  }

  readonly file = {
    path: "segment",
    readSync: (into: Bytes, position: number): number => {
      const bytes = Buffer.from(this.text).subarray(position, position + into.length);
      into.set(bytes);
      return bytes.length;
    },
    sendTo: (fd: number, position: number, lengthBytes: number): number => {
      if (fd !== this.#socket.fd) throw new Error(`sent to ${fd}`);
      return this.#socket.write(this.text.slice(position, position + lengthBytes));
    },
  };

  readonly release = (): void => {
    this.releases++;
  };
}

/** A request that waits for its answer. */
export interface Pending {
  readonly request: HttpRequest;
  respond(answer: Partial<HttpResponse>): void;
}

/** Connections whose requests a test answers, on a clock that it moves. */
export class ConnectionKit {
  readonly clock = new ManualClock();
  readonly pending: Pending[] = [];
  readonly connections: HttpConnections;
  /** What the system holds of what was written, for all sockets. */
  heldBytes = 0;

  /** @param handler what answers at once; else every request waits in `pending` */
  constructor(
    handler?: Handler,
    options: { maxConnections?: number; counts?: ConnectionCounts } = {},
  ) {
    this.connections = new HttpConnections({
      handler: handler ?? ((request, respond) => this.#take(request, respond)),
      clock: this.clock,
      longestSilenceMs: 30_000,
      heldBytes: () => this.heldBytes,
      ...options,
    });
  }

  /** A new client. */
  connect(): { socket: FakeSocket; connection: Connection } {
    const socket = new FakeSocket();
    const connection = this.connections.open(socket);
    this.connections.admit(connection);
    return { socket, connection };
  }

  /** The only request that waits. */
  get only(): Pending {
    const [pending, ...others] = this.pending;
    if (pending === undefined || others.length > 0) throw new Error(`${this.pending.length} wait`);
    return pending;
  }

  #take(request: HttpRequest, respond: Respond): void {
    const pending: Pending = {
      request,
      respond: (answer) => {
        this.pending.splice(this.pending.indexOf(pending), 1);
        respond({ status: 200, headers: {}, body: null, ...answer });
      },
    };
    this.pending.push(pending);
  }
}

/** Text as the bytes that a client sends, with CRLF for each line end. */
export function sent(text: string): Bytes {
  return new Uint8Array(Buffer.from(text.replaceAll("\n", "\r\n"), "latin1"));
}

/** A plain GET. */
export const GET = sent("GET /a HTTP/1.1\nHost: h\n\n");

/** All of a request's body, once it is here. */
export function bodyOf({ body, whole }: HttpRequest): Promise<Bytes> {
  if (!isBodySource(body)) return Promise.resolve(whole ?? new Uint8Array(0));
  return new Promise((resolve, reject) => {
    const buffer = new BodyBuffer();
    body.attach({
      write: (input, start, end) => buffer.append(input, start, end),
      end: () => resolve(buffer.whole()),
      fail: reject,
    });
  });
}

/** The status codes of the answers that a client got. */
export function codes(received: string): string[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code = ""]) => code);
}

/** Lets promises and what they bring about run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}
