import { createApp } from "../../src/server/app.ts";
import type { AppOptions } from "../../src/server/common/options.ts";
import { createMemoryStorage, type MemoryStorageOptions } from "../../src/storage/memory.ts";
import { ChatKit } from "./chat_kit.ts";

/** A chat whose streams are in memory. */
export function memoryKit(
  options: Partial<AppOptions> = {},
  storage: MemoryStorageOptions = {},
): ChatKit {
  const app = createApp({ ...options, storage: createMemoryStorage(storage) });
  return new ChatKit({
    url: "http://streams.test/v1/stream",
    fetch: (url, init) => app.request(url, init),
  });
}
