import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import { STREAM_SSE_DATA_ENCODING } from "../../protocol/headers.ts";
import { ClientError } from "../errors/client_error.ts";
import type { Connection } from "../transport/connection.ts";
import { MalformedResponse } from "../errors/malformed_response.ts";
import type { SseEvent } from "./sse_parser.ts";
import { EventStream, type EventStreamOptions } from "./event_stream.ts";

/** The content of a control event, and the data that came before it (PROTOCOL §5.8). */
export interface SseGroup {
  bodies: Bytes[];
  nextOffset: string;
  cursor: string | undefined;
  upToDate: boolean;
  closed: boolean;
  /** How many messages come before `nextOffset`, for who asks (an extension). */
  nextOrdinal: number | undefined;
  /** What is at `nextOffset` is kept no more: the first offset that can be read (an extension). */
  earliestOffset: string | undefined;
  /** Up to where messages are missing that newer ones of the same key stand for. */
  compactedUpTo: string | undefined;
}

/** What a reader follows a stream by: a connection of its own, or one that it shares. */
export interface LiveSource {
  /** The time of its request, in ms since 1970. */
  readonly startMs: number;
  /** Whether a control event has arrived. */
  readonly hasControl: boolean;
  /** Whether it was ended because nothing arrived for too long. */
  readonly isSilent: boolean;
  /** Whether the server ended it because the reader's token is over. */
  readonly isExpired: boolean;
  /** Whether it ended in the middle of an event or a group of events. */
  readonly isMidEvent: boolean;
  /** Whether the client ended it, for the reader to go on by another one. */
  readonly isHandedOver: boolean;
  /**
   * The next group of events; `undefined` once it has ended for whatever reason.
   *
   * @throws {ClientError} if the response isn't SSE from a server of this protocol
   */
  next(): Promise<SseGroup | undefined>;
  /** Disconnects; a pending `next` ends. */
  cancel(reason?: unknown): void;
}

/** How an {@link SseConnection} is opened. */
export interface SseConnectionOptions extends Omit<EventStreamOptions, "request"> {
  url: string;
}

/** One SSE response, from its request to its end. */
export class SseConnection implements LiveSource {
  readonly #events: EventStream;
  #bodies: Bytes[] = [];
  #groups: SseGroup[] = [];
  isHandedOver = false;
  /** Called once, when it ends. */
  onEnd: () => void = () => {};

  constructor(connection: Connection, { url, ...options }: SseConnectionOptions) {
    this.#events = new EventStream(connection, { ...options, request: { method: "GET", url } });
  }

  get startMs(): number {
    return this.#events.startMs;
  }

  get hasControl(): boolean {
    return this.#events.hasBegun;
  }

  get isSilent(): boolean {
    return this.#events.isSilent;
  }

  get isExpired(): boolean {
    return this.#events.isExpired;
  }

  get isMidEvent(): boolean {
    return this.#events.isMidEvent || this.#bodies.length > 0;
  }

  async next(): Promise<SseGroup | undefined> {
    while (true) {
      const group = this.#groups.shift();
      if (group !== undefined) return group;
      const events = await this.#nextEvents();
      if (events === undefined) {
        this.onEnd();
        return undefined;
      }
      for (const { type, data } of events) {
        if (type === "data") this.#bodies.push(this.#isBase64 ? decodeBase64(data) : data);
        if (type === "control") this.#groups.push(this.#group(data));
      }
    }
  }

  cancel(reason?: unknown): void {
    this.onEnd();
    this.#events.cancel(reason);
  }

  /** Ends it, for its reader to go on by a shared connection. */
  handOver(): void {
    this.isHandedOver = true;
    this.cancel();
  }

  async #nextEvents(): Promise<SseEvent[] | undefined> {
    try {
      return await this.#events.next();
    } catch (error) {
      this.onEnd();
      if (this.isHandedOver) return undefined;
      throw error;
    }
  }

  get #isBase64(): boolean {
    return this.#events.headers.get(STREAM_SSE_DATA_ENCODING)?.toLowerCase() === "base64";
  }

  #group(control: Bytes): SseGroup {
    const fields = parseControl(control);
    const bodies = this.#bodies;
    this.#bodies = [];
    this.#events.hasBegun = true;
    return { ...fields, bodies };
  }
}

function parseControl(data: Bytes): Omit<SseGroup, "bodies"> {
  const text = decodeUtf8(data);
  try {
    const control: Record<string, unknown> = JSON.parse(text);
    const { streamNextOffset: nextOffset, streamCursor: cursor } = control;
    const { streamNextOrdinal: nextOrdinal, earliestOffset, compactedUpTo } = control;
    const closed = control["streamClosed"] === true;
    if (typeof nextOffset === "string" && nextOffset !== "") {
      return {
        nextOffset,
        cursor: typeof cursor === "string" ? cursor : undefined,
        upToDate: closed || control["upToDate"] === true,
        closed,
        nextOrdinal: typeof nextOrdinal === "number" ? nextOrdinal : undefined,
        earliestOffset: typeof earliestOffset === "string" ? earliestOffset : undefined,
        compactedUpTo: typeof compactedUpTo === "string" ? compactedUpTo : undefined,
      };
    }
  } catch {
    // Rejected below, like an object without an offset.
  }
  throw new ClientError(
    "invalid_response",
    `The control event ${JSON.stringify(text)} has no streamNextOffset.`,
  );
}

/**
 * The bytes of a data event.
 *
 * @throws {MalformedResponse} where it isn't base64
 */
export function decodeBase64(data: Bytes): Bytes {
  const text = decodeUtf8(data);
  let decoded: string;
  try {
    decoded = atob(text);
  } catch (error) {
    throw new MalformedResponse("A data event is not base64.", error);
  }
  const bytes = new Uint8Array(decoded.length);
  for (let at = 0; at < decoded.length; at++) bytes[at] = decoded.charCodeAt(at);
  return bytes;
}
