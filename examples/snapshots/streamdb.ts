/**
 * A StreamDB that begins with a snapshot: `bun examples/snapshots/streamdb.ts`, with a server running and
 * `@durable-streams/state` installed. The snapshot is what a short stream would hold: a change for each row.
 */
import process from "node:process";
import { createStateSchema, createStreamDB } from "@durable-streams/state/db";
import { Client } from "durable-streams/client";

interface User {
  readonly id: string;
  readonly name: string;
}

// In place of this, a schema of Zod, Valibot or ArkType.
const userSchema = {
  "~standard": { version: 1 as const, vendor: "example", validate: (value: User) => ({ value }) },
};
const state = createStateSchema({
  users: { schema: userSchema, type: "user", primaryKey: "id" },
});

const streams = process.env["URL"] ?? "http://127.0.0.1:4437/v1/stream";
const client = new Client(streams);
const path = `users-${crypto.randomUUID()}`;
const contentType = "application/json";
// What lies before the newest snapshot needn't be kept.
await client.create(path, { contentType, retention: { toSnapshot: true } });

/** Answers a read from the stream's start with its snapshot, where there is one. */
async function fetchFromSnapshot(input: string | URL | Request, init?: RequestInit) {
  const request = new Request(input, init);
  const isFirst = request.method === "GET" &&
    new URL(request.url).searchParams.get("offset") === "-1";
  const snapshot = isFirst ? await client.snapshot(path).get() : undefined;
  if (snapshot === undefined) return await fetch(request);
  return new Response(snapshot.bytes, {
    headers: { "content-type": contentType, "stream-next-offset": snapshot.offset },
  });
}

async function open() {
  let changes = 0;
  const db = createStreamDB({
    streamOptions: { url: `${streams}/${path}`, contentType, fetch: fetchFromSnapshot },
    state,
    onEvent: () => void changes++,
  });
  await db.preload();
  return { db, users: db.collections.users, changes };
}

// A hundred changes of two users...
const writer = client.writer(path);
for (let n = 0; n < 50; n++) {
  await writer.sendJson(state.users.upsert({ value: { id: "1", name: `Kim ${n}` } }));
  await writer.sendJson(state.users.upsert({ value: { id: "2", name: `Lee ${n}` } }));
}

// ...are two in the snapshot. Anybody may keep one, now and then; where a later one is there already, this
// is a `conflict`.
const first = await open();
const rows = [...first.users.values()].map((value: User) => state.users.upsert({ value }));
await client.snapshot(path).putJson(rows, { offset: first.db.offset });
first.db.close();

await writer.sendJson(state.users.upsert({ value: { id: "3", name: "Ada" } }));
const late = await open();
const names = [...late.users.values()].map(({ name }: User) => name);
console.log(`${names.join(", ")} (changes read: ${late.changes}, before ${first.changes})`);
late.db.close();
