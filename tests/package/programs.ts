/** What users of the package write: run and checked in projects of theirs. */

/** A program that serves storages inside itself; with `memory` as its argument the one in memory only. */
export const LIBRARY_PROGRAM = `
import { createApp, createMemoryStorage, openFileStorage } from "durable-streams";
import process from "node:process";
const storages = [createMemoryStorage()];
if (process.argv[2] !== "memory") storages.push(await openFileStorage({ dir: "./streams" }));
for (const storage of storages) {
  const app = createApp({ storage });
  const headers = { "content-type": "text/plain" };
  await app.request("/v1/stream/s", { method: "PUT", headers });
  await app.request("/v1/stream/s", { method: "POST", headers, body: "hello" });
  console.log(await (await app.request("/v1/stream/s")).text());
  await storage.close();
}
`;

/** A program that writes and reads with the client: the server's URL and the stream's path follow. */
export const CLIENT_PROGRAM = `
import { Client } from "durable-streams/client";
import process from "node:process";
const [url, path] = process.argv.slice(2);
const client = new Client(url);
await client.create(path, { contentType: "application/json" });
const producer = client.producer(path, { id: "p" });
for (const word of ["hello", "from", "here"]) await producer.sendJson(word);
await producer.closeStream();
for (const readMode of ["auto", "long-poll", "sse"]) {
  const words = [];
  for await (const word of client.reader(path, { readMode }).json()) words.push(word);
  console.log(words.join(" "));
}
`;

/** What the client's program prints. */
export const CLIENT_OUTPUT = "hello from here\n".repeat(3);

/** A program of types: each misspelt option has to be an error. */
export const TYPES_PROGRAM = `
import { createApp, createMemoryStorage, type Storage } from "durable-streams";
import { chatTransport } from "durable-streams/ai";
import { Client, type Message } from "durable-streams/client";
chatTransport({ streams: "http://localhost/v1/stream" }) satisfies { resumeStreamIsReplay: true };
const client = new Client("http://localhost/v1/stream", { timeoutMs: 1000 });
const messages: AsyncIterable<Message> = client.reader("s");
// @ts-expect-error a misspelt option is an error, so the declarations were found
client.reader("s", { readmode: "sse" });
console.log(messages);
const storage: Storage = createMemoryStorage();
const app = createApp({ storage, chunkBytes: 65536 });
const answer: Response = await app.request("/v1/stream/s");
console.log(answer.status);
// @ts-expect-error a misspelt option is an error, so the declarations were found
createApp({ storage, chunkByte: 1 });
`;
