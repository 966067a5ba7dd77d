import type { Bytes } from "../../protocol/bytes.ts";
import type { SecretStore } from "../subscription_store.ts";

/** Secrets that last as long as the streams in memory do. */
export class MemorySecrets implements SecretStore {
  #bytes: Bytes | undefined;

  load(): Bytes | undefined {
    return this.#bytes;
  }

  save(bytes: Bytes): Promise<void> {
    this.#bytes = bytes.slice();
    return Promise.resolve();
  }
}
