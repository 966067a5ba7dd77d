import { type Bytes, encodeUtf8 } from "../../protocol/bytes.ts";
import { STATE_KEY } from "../../protocol/compaction_policy.ts";
import { hasBackslash, JsonFields } from "./json_fields.ts";
import { murmur3 } from "./murmur3.ts";

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const LETTER_N = 0x6e;
const DELETE = encodeUtf8('"delete"');
const utf8 = new TextDecoder();

/**
 * Reads the key of stored JSON messages: by the State Protocol their `type` and `key`, both of which have to
 * be strings, else the string, number or boolean at a JSON pointer. A number is the digits in which it is
 * written, so that great ones differ; a string is what it says, however it is escaped. A deletion is a
 * message whose `headers.operation` is `delete`.
 */
export class MessageKeys {
  /** The hash of the key of the message that was read last. */
  readonly hash = new Uint32Array(4);
  readonly #fields: JsonFields;
  readonly #isState: boolean;
  readonly #seed: number;
  #scratch = new Uint8Array(256);
  #length = 0;
  #bytes: Bytes = this.#scratch;

  /**
   * @param key `state`, or a JSON pointer
   * @param seed of the hashes, so that nobody knows them before
   */
  constructor(key: string, seed: number) {
    this.#isState = key === STATE_KEY;
    this.#fields = new JsonFields(
      this.#isState ? ["/headers/operation", "/key", "/type"] : ["/headers/operation", key],
    );
    this.#seed = seed;
  }

  /** Reads the message that begins at `at`; whether it has a key. */
  read(bytes: Bytes, at: number): boolean {
    this.#bytes = bytes;
    this.#fields.scan(bytes, at);
    this.#length = 0;
    if (!this.#add(1)) return false;
    if (this.#isState && !this.#add(2)) return false;
    murmur3(this.#scratch, this.#length, this.#seed, this.hash);
    return true;
  }

  /** Whether the message that was read last deletes its key. */
  get isDeletion(): boolean {
    const start = this.#fields.start(0);
    if (start < 0) return false;
    const value = this.#canonical(start, this.#fields.end(0));
    return value.length === DELETE.length && DELETE.every((byte, i) => value[i] === byte);
  }

  /** Adds a part of the key; false where it is none. */
  #add(slot: number): boolean {
    const start = this.#fields.start(slot);
    if (start < 0) return false;
    const first = this.#bytes[start];
    const isString = first === QUOTE;
    if (this.#isState && !isString) return false;
    if (first === OPEN_BRACE || first === OPEN_BRACKET || first === LETTER_N) return false;
    const value = this.#canonical(start, this.#fields.end(slot));
    const end = this.#length + value.length;
    if (end > this.#scratch.length) {
      const grown = new Uint8Array(Math.max(end, this.#scratch.length * 2));
      grown.set(this.#scratch.subarray(0, this.#length));
      this.#scratch = grown;
    }
    this.#scratch.set(value, this.#length);
    this.#length = end;
    return true;
  }

  /** A scalar's bytes; those of a string as if nothing in it were escaped that needn't be. */
  #canonical(start: number, end: number): Bytes {
    const bytes = this.#bytes.subarray(start, end);
    if (bytes[0] !== QUOTE || !hasBackslash(this.#bytes, start, end)) return bytes;
    const text: unknown = JSON.parse(utf8.decode(bytes));
    return encodeUtf8(JSON.stringify(text));
  }
}
