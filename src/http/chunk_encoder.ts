import { Buffer } from "node:buffer";
import type { Bytes } from "../protocol/bytes.ts";

/** The end of a body in chunks. */
export const LAST_CHUNK = "0\r\n\r\n";

/** Makes chunks (RFC 9112 §7.1). What goes to thousands of clients in turn is made once. */
export class ChunkEncoder {
  #data: Bytes | undefined;
  #chunk: Bytes | undefined;

  encode(data: Bytes): Bytes {
    if (this.#chunk === undefined || this.#data !== data) {
      this.#data = data;
      this.#chunk = encodeChunk(data);
    }
    return this.#chunk;
  }
}

function encodeChunk(data: Bytes): Bytes {
  const size = `${data.length.toString(16)}\r\n`;
  const chunk = Buffer.alloc(size.length + data.length + 2);
  chunk.write(size, 0, "latin1");
  chunk.set(data, size.length);
  chunk.write("\r\n", size.length + data.length, "latin1");
  return chunk;
}
