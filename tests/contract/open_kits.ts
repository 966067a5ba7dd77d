import { createMemoryStorage } from "../../src/storage/memory.ts";
import type { FileStorageOptions } from "../../src/storage/file/options.ts";
import { RemoteStorage } from "../../src/storage/remote/remote_storage.ts";
import { StorageHost } from "../../src/storage/remote/storage_host.ts";
import { FileKit } from "../support/file_kit.ts";
import { ManualClock } from "../support/manual_clock.ts";
import type { OpenKit } from "./kit.ts";
import { SteppedStorage } from "./stepped_storage.ts";

/** Sizes at which a few KiB take every path: several log files, several segments, evictions. */
export const TINY: Omit<FileStorageOptions, "dir"> = {
  walBytes: 256 * 1024,
  segmentBytes: 8192,
  maxLoadedStreams: 2,
  maxOpenFiles: 4,
};

/** A storage in memory. */
export const openMemory: OpenKit = (options) => {
  const clock = new ManualClock();
  const storage = createMemoryStorage({ ...options, clock });
  return Promise.resolve({ storage, clock, dispose: () => storage.close() });
};

/** A storage that is reached as from another thread: what passes is copied, and goes a turn later. */
export function openRemote(open: OpenKit): OpenKit {
  return async (options) => {
    const kit = await open(options);
    const start = { identity: kit.storage.identity, status: kit.storage.status() };
    const remote = new RemoteStorage(
      (post, transfer) => host.take(structuredClone(post, { transfer })),
      start,
    );
    const host = new StorageHost(
      kit.storage,
      (post, transfer) => remote.take(structuredClone(post, { transfer })),
    );
    return { ...kit, storage: remote };
  };
}

/** What is done to a file storage between two steps. */
export type Between = "nothing" | "checkpoint" | "reopen" | "reopen or crash";

/** A storage in a directory of its own. */
export function openFile(settings: Omit<FileStorageOptions, "dir">, between: Between): OpenKit {
  return async (options) => {
    const root = await Deno.makeTempDir({ prefix: "durable-streams-test-" });
    const kit = new FileKit(root, { ...settings, ...options });
    const storage = await kit.open();
    let steps = 0;
    return {
      storage: between === "nothing"
        ? storage
        : new SteppedStorage(storage, () => goBetween(kit, between, ++steps)),
      clock: kit.clock,
      dispose: async () => {
        await kit.close();
        await Deno.remove(root, { recursive: true });
      },
    };
  };
}

async function goBetween(kit: FileKit, between: Between, step: number) {
  if (between === "checkpoint") await kit.checkpoint();
  else if (between === "reopen" || step % 2 === 0) await kit.reopen();
  else await kit.crash();
  return kit.storage;
}
