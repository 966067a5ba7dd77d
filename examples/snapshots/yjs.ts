/**
 * A Yjs document whose readers begin with a snapshot: `bun examples/snapshots/yjs.ts`, with a server
 * running and `yjs` installed. Each message of the stream is an update, the snapshot all until then in one.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { Client } from "durable-streams/client";
import * as Y from "yjs";

const client = new Client(process.env["URL"] ?? "http://127.0.0.1:4437/v1/stream");
const path = `documents/${crypto.randomUUID()}`;
// What lies before the newest snapshot needn't be kept.
await client.create(path, { contentType: "application/json", retention: { toSnapshot: true } });

/** The document as it is, and the place in the stream up to which it is that. */
async function open() {
  const doc = new Y.Doc();
  const reader = client.reader(path, { from: "snapshot", readMode: "catch-up" });
  const snapshot = await reader.snapshot();
  if (snapshot !== undefined) Y.applyUpdate(doc, snapshot.bytes);
  let updates = 0;
  for await (const update of reader.json<string>()) {
    Y.applyUpdate(doc, Buffer.from(update, "base64"));
    updates++;
  }
  return { doc, text: doc.getText("text"), offset: reader.offset, updates };
}

// Somebody writes: what Yjs says has changed is appended.
const { doc, text } = await open();
const producer = client.producer(path, { id: `editor-${doc.clientID}` });
doc.on("update", (update: Uint8Array) => {
  void producer.sendJson(Buffer.from(update).toString("base64"));
});
for (const word of ["Streams", " outlive", " requests"]) text.insert(text.length, word);
await producer.flush();

// Anybody may keep a snapshot, now and then. If a later one is there already, this is a `conflict`.
const read = await open();
await client.snapshot(path).put(Y.encodeStateAsUpdate(read.doc), { offset: read.offset });

text.insert(text.length, ".");
await producer.close();
const late = await open();
console.log(`${late.text} (a snapshot, and updates since: ${late.updates})`);
