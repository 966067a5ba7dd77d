import { openNatsStorage } from "../../src/nats.ts";
import type { Storage } from "../../src/mod.ts";
import { appendsOverheadBytes } from "../../src/storage/nats/format/message.ts";
import type { Appender, AppenderParts } from "./load.ts";

const CONTENT_TYPE = "application/octet-stream";
const CREATES_AT_ONCE = 64;
const MANY_WAITING = 1_000_000;
const QUEUE_BYTES = 1024 * 1024 * 1024;

/** Opens this project's storage as the program does, its streams spread over a log a server. */
export function openStorage(urls: readonly string[], groupBytes?: number): Promise<Storage> {
  return openNatsStorage({
    servers: urls,
    replicas: urls.length,
    newShards: urls.length,
    groupBytes,
    maxQueuedBytes: QUEUE_BYTES,
    maxQueuedPerStream: MANY_WAITING,
  });
}

/** Runs a step for each number below `count`, some at once. */
export async function forEach(
  count: number,
  atOnce: number,
  step: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < count) await step(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, run));
}

/**
 * Appends by this project's storage. Twice a group's appends are waiting for each stream, so that the next group
 * is whole when one is answered; where a group is one append, one.
 */
export async function storageAppender({ urls, load }: AppenderParts): Promise<Appender> {
  const { streams, group, appendBytes } = load;
  const plain = { producer: undefined, seq: undefined, close: false };
  const overheadBytes = appendsOverheadBytes(Array.from({ length: group }, () => plain));
  const storage = await openStorage(urls, overheadBytes + group * appendBytes);
  const run = crypto.randomUUID().slice(0, 8);
  const names = Array.from({ length: streams }, (_, index) => `bench/${run}/${index}`);
  await forEach(streams, CREATES_AT_ONCE, async (index) => {
    await storage.create(names[index] ?? "", { contentType: CONTENT_TYPE });
  });
  const body = new Uint8Array(appendBytes);
  return {
    appendsPerCall: 1,
    calls: streams * (group === 1 ? 1 : 2 * group),
    append: (index) =>
      storage.append(names[index % streams] ?? "", { contentType: CONTENT_TYPE, body }),
    messages: () => storage.measure?.().cluster?.stored ?? 0,
    close: () => storage.close(),
  };
}
