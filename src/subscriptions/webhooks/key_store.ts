import type { Bytes } from "../../protocol/bytes.ts";

/** Where the signing keys and the token secret are kept; they are secret. */
export interface KeyStore {
  /** What was saved last, `undefined` if nothing ever was. */
  load(): Bytes | undefined;
  /** Replaces it, whole or not at all; resolves when it is durable. */
  save(bytes: Bytes): Promise<void>;
}

/** For a storage in memory: the keys last as long as its streams do. */
export class MemoryKeyStore implements KeyStore {
  #bytes: Bytes | undefined;

  /** As the interface says. */
  load(): Bytes | undefined {
    return this.#bytes;
  }

  /** As the interface says. */
  save(bytes: Bytes): Promise<void> {
    this.#bytes = bytes.slice();
    return Promise.resolve();
  }
}
