/**
 * A storage in a process that has no descriptor left: `starved_storage.ts DIR`, under a limit that makes
 * that quick. Prints what came of appends, of a delete and of checkpoints.
 */
import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { StreamError } from "../../src/protocol/errors.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";

const [, , dir = ""] = process.argv;
const NAMES = ["a", "b", "c", "d"];
const ROUNDS = 60;
const BODY = new Uint8Array(20_000).fill(120);
const TEXT = "text/plain";
const TIMEOUT_MS = 60_000;

// Deno sets its signals up at some time, and doesn't outlive that without descriptors: now there are some.
process.on("SIGTERM", () => process.exit(1));

const options = { dir, walBytes: 1024 * 1024, segmentBytes: 64 * 1024, checkpointIntervalMs: 100 };
const storage = await openFileStorage(options);
for (const name of [...NAMES, "gone"]) {
  await storage.create(name, { contentType: TEXT, body: BODY });
}

const untilMs = Date.now() + TIMEOUT_MS;
/** Waits for more checkpoints than that; whether they came. */
async function stored(than: number): Promise<boolean> {
  while (storage.status().figures.checkpoints <= than && Date.now() < untilMs) {
    await storage.append("a", { contentType: TEXT, body: BODY });
    await sleep(20);
  }
  return storage.status().figures.checkpoints > than;
}

// The catalogue's thread runs by then: to start one takes descriptors of the runtime's own.
await stored(0);
const taken: number[] = [];
for (let isStarved = false; !isStarved;) {
  try {
    taken.push(openSync(devNull, "r"));
  } catch {
    isStarved = true;
  }
}
const before = storage.status().figures.checkpoints;
const answers = new Set<string>();
for (let round = 0; round < ROUNDS; round++) {
  for (const name of NAMES) {
    await storage.append(name, { contentType: TEXT, body: BODY }).then(
      () => answers.add("done"),
      (error) => answers.add(error instanceof StreamError ? error.code : String(error)),
    );
  }
}
await storage.delete("gone");
const hasStored = await stored(before + 1);
const { state, figures } = storage.status();
for (const descriptor of taken) closeSync(descriptor);
const { tail } = await storage.head("b");
await storage.close();
const again = await openFileStorage(options);
const found = (await again.head("b")).tail;
await again.close();
console.log(JSON.stringify({
  answers: [...answers],
  state,
  hasStored,
  failedCheckpoints: figures.failedCheckpoints,
  isWhole: tail === found && tail === (ROUNDS + 1) * BODY.length,
}));
process.exit(0);
