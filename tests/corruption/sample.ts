import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { subscribe } from "../support/subscription_kit.ts";
import { copyKilled } from "../support/temp_dir.ts";
import { copyFolder } from "./folders.ts";

const KIB = 1024;
const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";
const NOW_MS = Date.UTC(2026, 0, 1);

/**
 * Makes a directory with every feature: JSON with segments, text with blocks in the catalogue where it has
 * few, rests, a producer, a fork, closed, expiring and softly deleted streams, and subscriptions with and without something pending. It is
 * stopped in order, so its log holds nothing that is needed.
 *
 * @param blocks how many of 4 KiB its longer streams have
 */
export async function makeDirectory(dir: string, blocks: number): Promise<void> {
  const clock = new ManualClock(NOW_MS - 60_000);
  const options = { dir, walBytes: 64 * KIB, segmentBytes: 64 * KIB, clock };
  const first = await openFileStorage({ ...options, smallStreamBytes: 0 });
  await first.create("json", { contentType: JSON_TYPE });
  for (let seq = 0; seq < blocks; seq++) {
    await append(first, "json", JSON_TYPE, JSON.stringify({ seq, text: "é".repeat(2040) }));
    clock.advance(1000);
  }
  await first.close();
  const storage = await openFileStorage(options);
  await storage.create("text", { contentType: TEXT_TYPE });
  for (let seq = 0; seq < blocks; seq++) {
    await storage.append("text", {
      contentType: TEXT_TYPE,
      body: encodeUtf8(`line ${seq} `.padEnd(4100, "x")),
      producer: { id: "writer", epoch: 1, seq },
    });
    clock.advance(1000);
  }
  await append(storage, "json", JSON_TYPE, '{"rest":true}');
  await storage.create("fork", { fork: { source: "json" } });
  await append(storage, "fork", JSON_TYPE, "[1,2,3]");
  await storage.create("short", {
    contentType: TEXT_TYPE,
    lifetime: { kind: "ttl", ttlSeconds: 86_400 },
    body: encodeUtf8("hello"),
  });
  for (let i = 1; i < Math.min(4, blocks); i++) {
    await append(storage, "short", TEXT_TYPE, `${i}`.padEnd(4100, "z"));
  }
  await storage.create("ended", { contentType: TEXT_TYPE, body: encodeUtf8("bye"), closed: true });
  await storage.create("gone", { contentType: TEXT_TYPE });
  await storage.create("keeper", { fork: { source: "gone" } });
  await storage.delete("gone");
  await subscribe(storage, "all", { pattern: "*" });
  await subscribe(storage, "one", { streams: ["short"] });
  for (const name of ["text", "short"]) await append(storage, name, TEXT_TYPE, "pending");
  await storage.close();
  dropRoom(dir);
}

/**
 * Goes on with a copy of a directory, and copies it as a kill would leave it: `shorter` before its newest
 * batch, `whole` behind it.
 */
export async function goOn(
  from: string,
  root: string,
  { whole, shorter }: { whole: string; shorter: string },
): Promise<void> {
  const dir = `${root}/going-on`;
  copyFolder(from, dir);
  const clock = new ManualClock(NOW_MS - 10_000);
  const storage = await openFileStorage({ dir, walBytes: 256 * KIB, clock });
  for (let i = 0; i < 20; i++) {
    await append(storage, "text", TEXT_TYPE, `more ${i} `.padEnd(lengthOf(i), "y"));
    await append(storage, "fork", JSON_TYPE, JSON.stringify({ more: i }));
  }
  await storage.create("never", { contentType: TEXT_TYPE, body: encodeUtf8("now it is") });
  await storage.delete("ended");
  await subscribe(storage, "later", { pattern: "fork", streams: ["text"] });
  await append(storage, "fork", JSON_TYPE, '"pending"');
  copyKilled(dir, shorter);
  await append(storage, "text", TEXT_TYPE, "the newest");
  copyKilled(dir, whole);
  await storage.close();
  for (const copy of [whole, shorter]) dropRoom(copy);
}

/** Lengths that are short and long in turns, past a block. */
function lengthOf(i: number): number {
  return (i * 997) % 6000;
}

/** What only takes up room has no content to be damaged. */
function dropRoom(dir: string): void {
  for (const name of [...Deno.readDirSync(`${dir}/wal`)].map(({ name }) => name)) {
    if (name.startsWith("spare-")) Deno.removeSync(`${dir}/wal/${name}`);
  }
  Deno.removeSync(`${dir}/ballast`);
}

async function append(storage: Storage, name: string, contentType: string, body: string) {
  await storage.append(name, { contentType, body: encodeUtf8(body) });
}
