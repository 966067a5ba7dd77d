import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** A header field as it is on the wire, its name in small letters. */
export type Field = readonly [name: string, value: string];

/** The start line of a message and its fields. */
export interface Head {
  readonly startLine: string;
  readonly fields: readonly Field[];
}

/** Where a body ends (RFC 9112 §6): after so many bytes, with its last chunk, or with the connection. */
export type Framing = number | "chunked" | "until-end";

/** The other side broke off, or doesn't speak HTTP/1.1. */
export class WireError extends Error {}

const UNREAD_LIMIT_BYTES = 64 * 1024;

/** Reads HTTP/1.1 messages from a socket, and not faster than they are asked for. */
export class WireReader {
  readonly #socket: Socket;
  readonly #disconnected = new AbortController();
  #unread: Buffer = Buffer.alloc(0);
  #end: "whole" | "broken" | undefined;
  #notify: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#unread = Buffer.concat([this.#unread, bytes]);
      if (this.#unread.length >= UNREAD_LIMIT_BYTES) socket.pause();
      this.#notify();
    });
    socket.on("end", () => this.#ended("whole"));
    socket.on("error", () => this.#ended("broken"));
    socket.on("close", () => this.#ended("broken"));
  }

  /** Aborted when the other side has hung up. */
  get disconnected(): AbortSignal {
    return this.#disconnected.signal;
  }

  /** The next head; undefined where the connection ended instead. */
  async head(): Promise<Head | undefined> {
    let startLine = "";
    while (startLine === "") {
      const line = await this.#line();
      if (line === undefined) return undefined;
      startLine = line;
    }
    return { startLine, fields: await this.#fields() };
  }

  /** The body behind a head, piece by piece as it comes. Throws {@link WireError} where it isn't whole. */
  async *body(framing: Framing): AsyncGenerator<Uint8Array> {
    if (framing === "until-end") {
      while (await this.#more()) yield this.#take(this.#unread.length);
      if (this.#end === "broken") throw brokenOff();
    } else if (framing === "chunked") {
      for (let left = await this.#chunkSize(); left > 0; left = await this.#chunkSize()) {
        yield* this.body(left);
        await this.#line();
      }
      await this.#fields();
    } else {
      for (let left = framing; left > 0;) {
        if (!(await this.#more())) throw brokenOff();
        const piece = this.#take(Math.min(left, this.#unread.length));
        left -= piece.length;
        yield piece;
      }
    }
  }

  async #fields(): Promise<Field[]> {
    const fields: Field[] = [];
    for (;;) {
      const line = await this.#line();
      if (line === undefined) throw brokenOff();
      if (line === "") return fields;
      const colon = line.indexOf(":");
      if (colon < 1) throw new WireError(`${JSON.stringify(line)} is not a header field.`);
      fields.push([line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]);
    }
  }

  async #chunkSize(): Promise<number> {
    const line = await this.#line();
    if (line === undefined) throw brokenOff();
    const size = /^[0-9a-f]+/i.exec(line);
    if (size === null) throw new WireError(`${JSON.stringify(line)} is not a chunk's size.`);
    return parseInt(size[0], 16);
  }

  /** The next line without its end; undefined where the connection ended before it. */
  async #line(): Promise<string | undefined> {
    for (let searched = 0;;) {
      const at = this.#unread.indexOf("\n", searched);
      if (at >= 0) return this.#take(at + 1).toString("latin1").trimEnd();
      searched = this.#unread.length;
      if (searched >= UNREAD_LIMIT_BYTES) throw new WireError("A line is too long.");
      if (!(await this.#more(searched + 1))) return undefined;
    }
  }

  /** Waits for bytes until so many are unread; false where they don't come. */
  async #more(leastBytes = 1): Promise<boolean> {
    while (this.#unread.length < leastBytes) {
      if (this.#end !== undefined) return false;
      await new Promise<void>((resolve) => this.#notify = resolve);
    }
    return true;
  }

  #take(lengthBytes: number): Buffer {
    const taken = this.#unread.subarray(0, lengthBytes);
    this.#unread = this.#unread.subarray(lengthBytes);
    if (this.#unread.length < UNREAD_LIMIT_BYTES && this.#socket.isPaused()) this.#socket.resume();
    return taken;
  }

  #ended(end: "whole" | "broken"): void {
    this.#end ??= end;
    this.#disconnected.abort();
    this.#notify();
  }
}

/** The value of a field that comes once; undefined where it is missing. */
export function fieldOf(fields: readonly Field[], name: string): string | undefined {
  return fields.find(([one]) => one === name)?.[1];
}

/** Where the body of these fields ends, `otherwise` where they don't say. */
export function framingOf(fields: readonly Field[], otherwise: Framing): Framing {
  if (/chunked/i.test(fieldOf(fields, "transfer-encoding") ?? "")) return "chunked";
  const length = fieldOf(fields, "content-length");
  return length === undefined ? otherwise : Number(length);
}

const OF_ONE_CONNECTION = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** The fields that a proxy passes on; those about one connection, and others that are named, it doesn't. */
export function passedOn(fields: readonly Field[], ...without: readonly string[]): Field[] {
  return fields.filter(([name]) => !OF_ONE_CONNECTION.includes(name) && !without.includes(name));
}

/** A head as bytes. */
export function encodeHead({ startLine, fields }: Head): Buffer {
  const lines = [startLine, ...fields.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** All of a body in one. */
export async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

function brokenOff(): WireError {
  return new WireError("The connection ended in the middle of a message.");
}
