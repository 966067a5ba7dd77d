import type { ResponseParser } from "./response_parser.ts";

const decoder = new TextDecoder("latin1");

/** Follows the answers of Redis to XADD: the entry's id as a bulk string, or an error line. */
export class RedisParser implements ResponseParser {
  status = 0;
  bodyBytes = 0;
  nextOffset = "";
  upToDate = false;
  #text = "";

  feed(piece: Uint8Array): boolean {
    this.#text += decoder.decode(piece);
    const lines = this.#text.split("\r\n");
    const isError = this.#text.startsWith("-");
    if (lines.length < (isError ? 2 : 3)) return false;
    this.status = isError ? 500 : 200;
    this.bodyBytes = this.#text.length;
    this.#text = "";
    return true;
  }
}
