import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import { ClientError } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";
import type { Missed } from "./missed.ts";

/** One message of a JSON stream; in any other stream, the bytes of one response. */
export class Message {
  /** The message as it is stored. */
  readonly bytes: Bytes;
  /**
   * The place right after it: a reader that begins here gets the next message. It is an offset of the
   * server, or an offset and a count, such as `-1/1`; `parsePlace` tells them apart.
   */
  readonly offset: string;
  /**
   * Which message of the stream it is, counted from 0; `undefined` unless it is a JSON stream's and its reader
   * asks for `ordinals`.
   */
  readonly ordinal: number | undefined;
  /** What was trimmed right before it, if its reader skips that (`trimmed: "skip"`). */
  missed: Missed | undefined;

  constructor(bytes: Bytes, offset: string, ordinal?: number) {
    this.bytes = bytes;
    this.offset = offset;
    this.ordinal = ordinal;
    this.missed = undefined;
  }

  /**
   * The message's value.
   *
   * @throws {ClientError} `invalid_message` if it is not JSON
   */
  json<T = unknown>(): T {
    try {
      const value: T = JSON.parse(this.text());
      return value;
    } catch (error) {
      throw new ClientError("invalid_message", `The message is not JSON: ${reasonOf(error)}`, {
        offset: this.offset,
        cause: error,
      });
    }
  }

  /** The message as text; invalid UTF-8 becomes U+FFFD. */
  text(): string {
    return decodeUtf8(this.bytes);
  }
}
