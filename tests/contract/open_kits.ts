import { openNatsStorage } from "../../src/storage/nats/open.ts";
import type { Forwarding } from "../../src/storage/nats/options.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import type { FileStorageOptions } from "../../src/storage/file/options.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { RemoteStorage } from "../../src/storage/remote/remote_storage.ts";
import { StorageHost } from "../../src/storage/remote/storage_host.ts";
import { FileKit } from "../support/file_kit.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { passTime } from "../support/nats/pass_time.ts";
import { QuickClock } from "../support/nats/quick_clock.ts";
import { SimulatedCluster } from "../support/nats/simulated_cluster.ts";
import { SimulatedJetStream } from "../support/nats/simulated_jetstream.ts";
import type { OpenKit } from "./kit.ts";
import { SteppedStorage } from "./stepped_storage.ts";

/** Sizes at which a few KiB take every path: several log files, several segments, evictions. */
export const TINY: Omit<FileStorageOptions, "dir"> = {
  walBytes: 256 * 1024,
  segmentBytes: 8192,
  smallStreamBytes: 10_000,
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

/** So small that a few KiB take every path: evictions, snapshots, bodies in parts. */
export const TINY_NATS = {
  maxLoadedStreams: 3,
  messageCacheBytes: 16 * 1024,
  groupBytes: 8 * 1024,
  snapshotMessages: 5,
};

/** Front ends of a made-up cluster, each step by the next one of them. */
export function openNats(
  frontEnds: number,
  isTiny = false,
  forwarding: Forwarding = "auto",
): OpenKit {
  return async (options) => {
    const clock = new ManualClock();
    const cluster = new SimulatedCluster({
      clock,
      ...(isTiny ? { messageLimitBytes: 16 * 1024 } : {}),
    });
    const storages = await Promise.all(
      Array.from({ length: frontEnds }, () =>
        openNatsStorage({
          ...(isTiny ? TINY_NATS : {}),
          ...options,
          forwarding,
          jetStream: new SimulatedJetStream(cluster),
          clock: new QuickClock(clock),
          shards: 3,
        })),
    );
    const [first] = storages;
    if (first === undefined) throw new Error("There has to be a front end.");
    let at = 0;
    const next = () => Promise.resolve(storages[++at % frontEnds] ?? first);
    return {
      storage: frontEnds === 1 ? first : new SteppedStorage(first, next, "each"),
      clock,
      dispose: () => closeAll(storages, clock),
    };
  };
}

/** Closes storages, moving the clock on for what they wait for. */
export async function closeAll(storages: readonly Storage[], clock: ManualClock): Promise<void> {
  await passTime(clock, Promise.all(storages.map((storage) => storage.close())), 1);
}
