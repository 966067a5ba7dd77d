import { type Bytes, decodeUtf8, encodeUtf8, NO_BYTES } from "../../protocol/bytes.ts";
import { ClientError } from "../errors/client_error.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import type { Connection } from "../transport/connection.ts";
import { errorOfStatus } from "../transport/response_error.ts";
import { EventStream } from "./event_stream.ts";
import { decodeBase64 } from "./sse_connection.ts";
import type { SseEvent } from "./sse_parser.ts";

/** A stream, and where it is followed from. */
export interface LiveStart {
  readonly stream: string;
  /** An offset of the server, `-1` or `now`. */
  readonly offset: string;
  /** Comes back in the events that say how it began. */
  readonly tag?: number;
}

/** A pattern, and where those of its streams begin that are there already. */
export interface LivePattern {
  readonly pattern: string;
  readonly offset: string;
}

/** What a connection follows at first. */
export interface LiveSet {
  readonly streams: readonly LiveStart[];
  readonly patterns?: readonly LivePattern[];
  /** Streams of the patterns that were closed there. */
  readonly ended?: readonly LiveStart[];
}

/** A stream that is followed from now on. */
export interface LiveAdded {
  readonly stream: string;
  readonly tag: number | undefined;
  readonly offset: string;
  readonly contentType: string;
  readonly upToDate: boolean;
}

/** An event of a connection that follows many streams. */
export type LiveEvent =
  | { readonly type: "added"; readonly added: LiveAdded }
  | {
    readonly type: "data";
    readonly stream: string;
    readonly nextOffset: string;
    readonly upToDate: boolean;
    /** Up to where messages may be missing, where what it brings begins before that. */
    readonly compactedUpTo: string | undefined;
    readonly data: Bytes;
  }
  | { readonly type: "closed"; readonly stream: string; readonly nextOffset: string }
  | {
    readonly type: "error";
    /** The stream, or the pattern, that it concerns. */
    readonly stream: string | undefined;
    readonly tag: number | undefined;
    readonly error: ClientError;
  };

const LINE_FEED = 0x0a;

/** The code of a server that follows no more streams on one connection. */
export const TOO_MANY_STREAMS = "too_many_streams";

/** How a {@link LiveConnection} is opened. */
export interface LiveConnectionOptions {
  readonly timeoutMs: number;
  readonly firstEventMs: number;
  readonly attempt: number;
  readonly signal: AbortSignal | undefined;
}

/** One connection that follows many streams (an extension of this project's server). */
export class LiveConnection {
  readonly #connection: Connection;
  readonly #events: EventStream;
  #id: string | undefined;
  #maxStreams = Infinity;

  constructor(connection: Connection, set: LiveSet, options: LiveConnectionOptions) {
    this.#connection = connection;
    this.#events = new EventStream(connection, {
      ...options,
      request: { method: "POST", url: connection.urls.ofLive(), ...jsonBody(set) },
    });
  }

  get startMs(): number {
    return this.#events.startMs;
  }

  /** Whether its server has taken it. */
  get hasBegun(): boolean {
    return this.#events.hasBegun;
  }

  /** How many streams its server follows on it, once it has taken it. */
  get maxStreams(): number {
    return this.#maxStreams;
  }

  get isSilent(): boolean {
    return this.#events.isSilent;
  }

  get isExpired(): boolean {
    return this.#events.isExpired;
  }

  get isMidEvent(): boolean {
    return this.#events.isMidEvent;
  }

  /**
   * The events of the next chunk; `undefined` once the connection has ended for whatever reason.
   *
   * @throws {ClientError} where the server doesn't take it
   */
  async next(): Promise<LiveEvent[] | undefined> {
    const events = await this.#events.next();
    return events?.flatMap((event) => this.#read(event));
  }

  /**
   * Changes what it follows; false where the server doesn't know it any more.
   *
   * @throws {ClientError}
   */
  async change(add: readonly LiveStart[], remove: readonly string[]): Promise<boolean> {
    if (this.#id === undefined) return false;
    try {
      await this.#connection.send({
        method: "POST",
        url: this.#connection.urls.ofLive(this.#id),
        ...jsonBody({ add, remove }),
        // Done twice it would begin a stream anew that has gone on meanwhile.
        repeatable: false,
        retriedByCaller: true,
      });
      return true;
    } catch (error) {
      if (error instanceof ClientError && error.code === "not_found") return false;
      throw error;
    }
  }

  /** Disconnects; a pending `next` ends. */
  cancel(reason?: unknown): void {
    this.#events.cancel(reason);
  }

  #read({ type, data }: SseEvent): LiveEvent[] {
    const end = data.indexOf(LINE_FEED);
    const head = headOf(end < 0 ? data : data.subarray(0, end));
    const stream = textOf(head["stream"]);
    const nextOffset = textOf(head["nextOffset"]);
    switch (type) {
      case "open":
        this.#id = textOf(head["connection"]);
        this.#maxStreams = numberOf(head["maxStreams"]) ?? Infinity;
        this.#events.hasBegun = true;
        return [];
      case "set":
        return listOf(head["added"]).map((added) => ({ type: "added", added: addedOf(added) }));
      case "error":
        return [{
          type,
          stream: stream ?? textOf(head["pattern"]),
          tag: numberOf(head["tag"]),
          error: errorOf(head),
        }];
    }
    if (stream === undefined || nextOffset === undefined) return [];
    if (type === "closed") return [{ type, stream, nextOffset }];
    if (type !== "data") return [];
    const payload: Bytes = end < 0 ? NO_BYTES : data.subarray(end + 1);
    return [{
      type,
      stream,
      nextOffset,
      upToDate: head["upToDate"] === true,
      compactedUpTo: textOf(head["compactedUpTo"]),
      data: head["encoding"] === "base64" ? decodeBase64(payload) : payload,
    }];
  }
}

/** Whether a request for a connection has failed as where a server, or a proxy, knows nothing of them. */
export function isNotOffered(error: unknown): boolean {
  if (error instanceof MalformedResponse) return true;
  if (!(error instanceof ClientError)) return false;
  const { code } = error;
  return code === "not_found" || code === "gone" || code === "unsupported" || code === "conflict" ||
    code === "bad_request" || code === "invalid_response";
}

function jsonBody(value: unknown): { headers: Record<string, string>; body: Bytes } {
  return {
    headers: { "content-type": "application/json" },
    body: encodeUtf8(JSON.stringify(value)),
  };
}

function headOf(line: Bytes): Record<string, unknown> {
  const text = decodeUtf8(line);
  try {
    const head: unknown = JSON.parse(text);
    if (typeof head === "object" && head !== null) return { ...head };
  } catch {
    // Rejected below.
  }
  throw new ClientError("invalid_response", `The event ${JSON.stringify(text)} is no object.`);
}

function addedOf(value: unknown): LiveAdded {
  const fields: Record<string, unknown> = { ...Object(value) };
  return {
    stream: textOf(fields["stream"]) ?? "",
    tag: numberOf(fields["tag"]),
    offset: textOf(fields["offset"]) ?? "",
    contentType: textOf(fields["contentType"]) ?? "",
    upToDate: fields["upToDate"] === true,
  };
}

function errorOf(head: Record<string, unknown>): ClientError {
  const status = numberOf(head["status"]) ?? 500;
  return errorOfStatus(
    status,
    textOf(head["code"]),
    textOf(head["message"]) ?? `Status ${status}.`,
    textOf(head["earliestOffset"]),
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
