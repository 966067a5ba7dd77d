import { createApp } from "../../src/server/app.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { Send } from "./client.ts";

/** A server that histories run on. */
export interface Server {
  readonly send: Send;
  close(): Promise<void>;
}

/** An app in this process. */
export async function appIn(dir: string | undefined): Promise<Server> {
  const storage: Storage = dir === undefined ? createMemoryStorage() : await openFileStorage({
    dir,
    walBytes: 256 * 1024,
    checkpointIntervalMs: 50,
    segmentBytes: 4096,
    smallStreamBytes: 10_000,
  });
  const app = createApp({ storage, longPollTimeoutMs: 5 });
  return {
    send: async (path, init) => await app.request(`/v1/stream/${path}`, init),
    close: () => storage.close(),
  };
}
