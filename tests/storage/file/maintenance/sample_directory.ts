import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { Storage } from "../../../../src/storage/storage.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { copyKilled } from "../../../support/temp_dir.ts";

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";
const OPTIONS = { segmentBytes: 16 * 1024, walBytes: 256 * 1024 };

/** What each stream of {@link makeSample} holds, from its first byte on. */
export type SampleContents = Map<string, string>;

/**
 * Makes a directory with every feature: JSON and text over several segments, producers, a fork, a closed
 * and a softly deleted stream, a TTL.
 *
 * @param root a directory of the test's own
 * @returns where it is, and what its streams hold
 */
export async function makeSample(
  root: string,
  end: "stopped" | "killed",
): Promise<{ dir: string; contents: SampleContents }> {
  const kit = new FileKit(root, OPTIONS);
  const storage = await kit.open();
  await storage.create("json", { contentType: JSON_TYPE });
  await storage.create("text", { contentType: TEXT_TYPE });
  await storage.create("short", {
    contentType: TEXT_TYPE,
    lifetime: { kind: "ttl", ttlSeconds: 60 },
  });
  for (let i = 0; i < 60; i++) {
    await add(storage, "json", JSON_TYPE, JSON.stringify({ i, text: "é".repeat(400) }));
    await storage.append("text", {
      contentType: TEXT_TYPE,
      body: encodeUtf8(`line ${i} ${"x".repeat(600)}\n`),
      producer: { id: `writer-${i % 3}`, epoch: 0, seq: Math.floor(i / 3) },
    });
  }
  await add(storage, "short", TEXT_TYPE, "hello\n");
  await kit.checkpoint();
  await storage.create("fork", { fork: { source: "json" } });
  await add(storage, "fork", JSON_TYPE, "[1,2,3]");
  await storage.delete("json");
  await storage.append("short", { contentType: TEXT_TYPE, body: encodeUtf8("bye\n"), close: true });
  await storage.create("gone", { contentType: TEXT_TYPE });
  await storage.delete("gone");
  const contents = await readAll(storage);
  const { dir } = kit;
  if (end === "stopped") {
    await kit.close();
    return { dir, contents };
  }
  const killed = `${root}/killed`;
  copyKilled(dir, killed);
  await kit.close();
  return { dir: killed, contents };
}

async function add(storage: Storage, name: string, contentType: string, body: string) {
  await storage.append(name, { contentType, body: encodeUtf8(body) });
}

/** Everything that can be read, by name; what fails is the failure's code. */
export async function readAll(storage: Storage): Promise<SampleContents> {
  const contents: SampleContents = new Map();
  const { streams } = await storage.list({ limit: 1000 });
  for (const { name } of streams) contents.set(name, await readStream(storage, name));
  return contents;
}

/** All of a stream, in chunks of a few blocks. */
export async function readStream(storage: Storage, name: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let offset = 0;;) {
    const { data, next, tail } = await storage.read(name, offset, 10_000);
    text += decoder.decode(data, { stream: true });
    if (next >= tail) return text;
    offset = next;
  }
}
