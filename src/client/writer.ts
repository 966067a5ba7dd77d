import { type Bytes, encodeUtf8, toBytes } from "../protocol/bytes.ts";
import { isJsonType } from "../protocol/content_type.ts";
import { type AppendAnswer, sendAppend } from "./append_request.ts";
import { invalidArgument } from "./invalid_argument.ts";
import type { Connection } from "./connection.ts";
import { jsonText } from "./json_text.ts";
import { StreamType } from "./stream_type.ts";

/** How a {@link Writer} comes to be. */
export interface WriterOptions {
  /** The stream's content type; asked for before the first append where it is left out. */
  contentType?: string;
}

/** One append. */
export interface SendOptions {
  /** Has to be greater than the last one, byte by byte (`Stream-Seq`, PROTOCOL §5.2). */
  seq?: string;
  /** The append is refused unless the tail is exactly here; an extension of this project's server. */
  expectedOffset?: string;
  /** Closes the stream in the same step (PROTOCOL §4.1). */
  close?: boolean;
  signal?: AbortSignal;
}

/**
 * Appends to a stream, one request each. What goes wrong is thrown, and nothing is sent twice but what
 * was refused unread: `client.producer()` is the one that retries, batches and never stores twice.
 */
export class Writer {
  readonly path: string;
  readonly #connection: Connection;
  readonly #type: StreamType;
  #offset: string | undefined;

  constructor(connection: Connection, path: string, options: WriterOptions = {}) {
    this.path = path;
    this.#connection = connection;
    this.#type = new StreamType(connection, path, options.contentType);
  }

  /** The tail after the last append that succeeded; `undefined` before the first. */
  get offset(): string | undefined {
    return this.#offset;
  }

  /**
   * Appends bytes, or text as UTF-8, as they are. In a JSON stream they are a JSON text, whose array is
   * several messages (PROTOCOL §9.1.2).
   *
   * @throws {ClientError}
   */
  async send(data: Uint8Array | string, options: SendOptions = {}): Promise<AppendAnswer> {
    const body = toBytes(data);
    if (body.length === 0 && !options.close) {
      throw invalidArgument("The data", data, "something to append");
    }
    return await this.#append(body, options);
  }

  /**
   * Appends a value as JSON. In a JSON stream that is one message, also where the value is an array.
   *
   * @throws {ClientError}
   */
  async sendJson(value: unknown, options: SendOptions = {}): Promise<AppendAnswer> {
    const text = jsonText(value);
    const contentType = await this.#type.get(options.signal);
    return await this.#append(encodeUtf8(isJsonType(contentType) ? `[${text}]` : text), options);
  }

  /**
   * Closes the stream: readers learn that nothing more comes (PROTOCOL §5.3). Closing it again is fine.
   *
   * @throws {ClientError}
   */
  async close(options: { signal?: AbortSignal } = {}): Promise<AppendAnswer> {
    return await this.#note(
      sendAppend(this.#connection, this.path, { close: true, signal: options.signal }),
    );
  }

  async #append(body: Bytes, options: SendOptions): Promise<AppendAnswer> {
    const contentType = await this.#type.get(options.signal);
    return await this.#note(
      sendAppend(this.#connection, this.path, { ...options, contentType, body }),
    );
  }

  async #note(sent: Promise<AppendAnswer>): Promise<AppendAnswer> {
    const answer = await sent;
    this.#offset = answer.offset;
    return answer;
  }
}
