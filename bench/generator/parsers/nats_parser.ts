import type { ResponseParser } from "./response_parser.ts";

const decoder = new TextDecoder("latin1");

/**
 * Follows what a NATS server sends to a connection that publishes to JetStream: each publish is
 * acknowledged by one message, with the stream's sequence number or an error. INFO, PING and +OK lines
 * are skipped; a run is too short for a PING that isn't answered to matter.
 */
export class NatsParser implements ResponseParser {
  status = 0;
  bodyBytes = 0;
  nextOffset = "";
  upToDate = false;
  #text = "";

  feed(piece: Uint8Array): boolean {
    this.#text += decoder.decode(piece);
    while (true) {
      const lineEnd = this.#text.indexOf("\r\n");
      if (lineEnd < 0) return false;
      const line = this.#text.slice(0, lineEnd);
      if (line.startsWith("-ERR")) return this.#end(lineEnd + 2, 500, 0);
      if (!line.startsWith("MSG ")) {
        this.#text = this.#text.slice(lineEnd + 2);
        continue;
      }
      const size = Number(line.slice(line.lastIndexOf(" ") + 1));
      const end = lineEnd + 2 + size + 2;
      if (this.#text.length < end) return false;
      const payload = this.#text.slice(lineEnd + 2, end);
      return this.#end(end, payload.includes('"error"') ? 500 : 200, size);
    }
  }

  #end(at: number, status: number, bodyBytes: number): boolean {
    this.#text = this.#text.slice(at);
    this.status = status;
    this.bodyBytes = bodyBytes;
    return true;
  }
}
