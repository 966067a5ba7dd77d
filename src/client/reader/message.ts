import { type Bytes, decodeUtf8 } from "../../protocol/bytes.ts";
import { ClientError } from "../errors/client_error.ts";
import { reasonOf } from "../errors/reason.ts";

/** One message of a JSON stream; of any other stream, the bytes that one answer carried. */
export class Message {
  /** The message as it is stored. */
  readonly bytes: Bytes;
  /**
   * The place right after it: a reader that begins here gets the next message. The server's own offset
   * where that says it, else an offset and a count, such as `-1/1`; `parsePlace` tells them apart.
   */
  readonly offset: string;

  constructor(bytes: Bytes, offset: string) {
    this.bytes = bytes;
    this.offset = offset;
  }

  /**
   * The message's value.
   *
   * @throws {ClientError} `invalid_message` where it is not JSON
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

  /** The message as text; what is no UTF-8 becomes U+FFFD. */
  text(): string {
    return decodeUtf8(this.bytes);
  }
}
