import type { FileBodyKind, FileSlice } from "../env/file_body.ts";
import type { Bytes } from "../protocol/bytes.ts";

/** Headers by name, as the fastest way of making a `Response` wants them, on Deno and on Bun. */
export type HeaderFields = Record<string, string>;

/** The part of an `AbortSignal` that tells of a client's disconnect. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { once: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** The part of a `Request` that a handler needs. */
export interface HttpRequest {
  readonly method: string;
  /** Absolute and normalized, as `new URL(…).href` gives it. */
  readonly url: string;
  readonly headers: RequestHeaders;
  /** The body as it comes, `null` where there is none that is still to come. */
  readonly body: ReadableStream<Bytes> | BodySource | null;
  /** The whole body, where it came with the head. */
  readonly whole?: Bytes | undefined;
  /** How its response may hold a part of a file: that of a `fetch` takes blobs. */
  readonly fileBody?: FileBodyKind;
  /** Ends with the client's connection. */
  readonly signal: AbortSignalLike;
  /** The address of whoever is connected; not there where that isn't known. */
  peerAddress?(): string | undefined;
  /** Who is connected: one object for all requests of a connection; not there where none stands for it. */
  readonly peer?: Peer;
  /** Where the body is a stream: all of it, once it is here; rejects where it ends before its length. */
  arrayBuffer?(): Promise<ArrayBuffer>;
}

/** Who sends a connection's requests. */
export interface Peer {
  /** Empty where it has none, as behind a socket of the file system. */
  readonly peerAddress: string;
  /** What the handler knows it as: to find that anew for each request costs more than all else about it. */
  client?: object | undefined;
}

/** A body that is handed over as it comes: a stream would cost more than all else about a short part. */
export interface BodySource {
  /** Hands everything to `sink` from now on, what is there already at once. Called once. */
  attach(sink: BodySink): void;
}

/** Where an arriving body goes. It doesn't throw. */
export interface BodySink {
  /** Takes `input` between `start` and `end`, which others may write over once this returns. */
  write(input: Bytes, start: number, end: number): void;
  /** That was all. */
  end(): void;
  /** No more comes, and something is missing or wrong. */
  fail(error: Error): void;
}

/** A request's headers. */
export interface RequestHeaders {
  /** @param name in lower case */
  get(name: string): string | null;
}

/** A response that any server can send. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<HeaderFields>;
  readonly body: ResponseBody;
}

/** A response's body. */
export type ResponseBody = null | string | Bytes | Blob | SliceBody | LiveBody;

/** A part of a file with text of ASCII characters around it. The sender releases the slice. */
export interface SliceBody {
  readonly before: string;
  readonly slice: FileSlice;
  readonly after: string;
}

/** A body that is made while it is sent. */
export interface LiveBody {
  /** Nothing is written while so much is queued. */
  readonly limitBytes: number;
  /** Sends everything to `sink` from now on, what is there already at once. Called once. */
  attach(sink: FrameSink): void;
  /** The sink has room again, or has taken what was queued. */
  drained(): void;
  /** The client has disconnected: the sink takes no more. */
  disconnected(): void;
}

/** Where a live body goes: a client that may be slow. */
export interface FrameSink {
  /** How much was written and hasn't gone to the client yet. */
  readonly queuedBytes: number;
  /**
   * Whether nothing but what keeps the connection alive is to be written for now, though there is room;
   * {@link LiveBody.drained} is called once it may. Never, unless it is there.
   */
  isHeld?(): boolean;
  write(frame: Bytes): void;
  /** Ends the response; the queue still goes out. */
  end(): void;
  /** Ends the connection of a client that doesn't read; the queue is dropped. */
  destroy(reason: Error): void;
}

/** Responds to a request, once and at any time. */
export type Respond = (response: HttpResponse) => void;

/** Serves a request. It doesn't throw: its failures are responses, too. */
export type Handler = (request: HttpRequest, respond: Respond) => void;

/** Whether a body is a part of a file. */
export function isSliceBody(body: ResponseBody): body is SliceBody {
  return typeof body === "object" && body !== null && "before" in body;
}

/** Whether a request's body is handed over as it comes, and is no stream. */
export function isBodySource(body: HttpRequest["body"]): body is BodySource {
  return body !== null && "attach" in body;
}

/** Whether a body is made while it is sent. */
export function isLiveBody(body: ResponseBody): body is LiveBody {
  return typeof body === "object" && body !== null && "attach" in body;
}
