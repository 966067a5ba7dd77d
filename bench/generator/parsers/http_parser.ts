import type { ResponseParser } from "./response_parser.ts";

const CR = 0x0d;
const LF = 0x0a;

type State = "head" | "fixed" | "chunk-size" | "chunk-data" | "chunk-end" | "trailer";

const decoder = new TextDecoder("latin1");

/**
 * Follows one HTTP/1.1 response at a time through whatever pieces the socket delivers. Bodies are
 * counted, not kept. Enough for the answers of a streams server to GET, PUT and POST; there is no
 * pipelining, so bytes past a response's end are an error.
 */
export class HttpParser implements ResponseParser {
  status = 0;
  bodyBytes = 0;
  nextOffset = "";
  upToDate = false;

  #state: State = "head";
  #head = "";
  #left = 0;
  #line = "";

  feed(piece: Uint8Array): boolean {
    let at = 0;
    if (this.#state === "head") {
      at = this.#feedHead(piece);
      if (at < 0) return false;
      if (this.#state === "head") return true;
    }
    if (this.#state === "fixed") return this.#feedFixed(piece.byteLength - at);
    return this.#feedChunked(piece, at);
  }

  #feedHead(piece: Uint8Array): number {
    const before = this.#head.length;
    const endInPiece = before === 0 ? headEnd(piece) : -1;
    this.#head += decoder.decode(endInPiece < 0 ? piece : piece.subarray(0, endInPiece));
    const end = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end < 0) return -1;
    const head = this.#head.slice(0, end + 2);
    this.#head = "";
    this.#readHead(head);
    return end + 4 - before;
  }

  #readHead(head: string): void {
    this.status = Number(head.slice(9, 12));
    this.bodyBytes = 0;
    this.nextOffset = headerValue(head, "stream-next-offset");
    this.upToDate = headerValue(head, "stream-up-to-date") === "true";
    if (this.status === 204 || this.status === 304) return;
    if (headerValue(head, "transfer-encoding").includes("chunked")) {
      this.#state = "chunk-size";
      this.#line = "";
      return;
    }
    const length = headerValue(head, "content-length");
    if (length === "") throw new Error(`response without a length: ${head.split("\r\n")[0]}`);
    this.#left = Number(length);
    if (this.#left > 0) this.#state = "fixed";
  }

  #feedFixed(bytes: number): boolean {
    if (bytes > this.#left) throw new Error("bytes past the end of a response");
    this.bodyBytes += bytes;
    this.#left -= bytes;
    if (this.#left > 0) return false;
    this.#state = "head";
    return true;
  }

  #feedChunked(piece: Uint8Array, from: number): boolean {
    let at = from;
    while (at < piece.byteLength) {
      if (this.#state === "chunk-data") {
        const taken = Math.min(this.#left, piece.byteLength - at);
        this.bodyBytes += taken;
        this.#left -= taken;
        at += taken;
        if (this.#left === 0) this.#state = "chunk-end";
        continue;
      }
      const byte = piece[at++];
      if (byte !== LF) {
        if (byte !== CR && byte !== undefined) this.#line += String.fromCharCode(byte);
        continue;
      }
      if (this.#endLine()) return true;
    }
    return false;
  }

  #endLine(): boolean {
    const line = this.#line;
    this.#line = "";
    if (this.#state === "chunk-end") {
      this.#state = "chunk-size";
    } else if (this.#state === "chunk-size") {
      this.#left = Number.parseInt(line, 16);
      this.#state = this.#left === 0 ? "trailer" : "chunk-data";
    } else if (line === "") {
      this.#state = "head";
      return true;
    }
    return false;
  }
}

function headEnd(piece: Uint8Array): number {
  for (let at = 3; at < piece.byteLength; at++) {
    if (piece[at] === LF && piece[at - 1] === CR && piece[at - 2] === LF && piece[at - 3] === CR) {
      return at + 1;
    }
  }
  return -1;
}

function headerValue(head: string, name: string): string {
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon === name.length && line.slice(0, colon).toLowerCase() === name) {
      return line.slice(colon + 1).trim();
    }
  }
  return "";
}
