import { createHash } from "node:crypto";
import type { Bytes } from "../../../protocol/bytes.ts";
import type { StreamCursor } from "./stream_cursor.ts";

/** Stands between messages: no JSON text has it. */
const SEPARATOR = "\x1e";

/** A SHA-256 of a stream's content, however it was cut into responses. */
export class ContentDigest {
  readonly #hash = createHash("sha256");
  readonly #isJson: boolean;
  #messages = 0;
  #bytes = 0;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  /** Messages of a JSON stream; 0 for others. */
  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes the next chunks in. */
  add(chunks: readonly Bytes[]): void {
    for (const chunk of chunks) {
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      if (!this.#isJson) continue;
      this.#hash.update(SEPARATOR);
      this.#messages++;
    }
  }

  /** The digest in hex; nothing can be added after this. */
  end(): string {
    return this.#hash.digest("hex");
  }
}

/** The digest of all that a cursor has left. */
export async function digestOf(cursor: StreamCursor): Promise<string> {
  const digest = new ContentDigest(cursor.isJson);
  for (let chunk = await cursor.peek(); chunk !== undefined; chunk = await cursor.peek()) {
    digest.add([chunk]);
    cursor.advance();
  }
  return digest.end();
}
