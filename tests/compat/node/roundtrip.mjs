// What node_test.ts runs in Node: the official client through a stream's whole life.
import process from "node:process";
import { DurableStream, IdempotentProducer, stream } from "@durable-streams/client";

const [, , url] = process.argv;
const handle = await DurableStream.create({ url, contentType: "application/json" });
const readers = await Promise.all(
  [true, "long-poll", "sse"].map((live) => stream({ url, live })),
);
const reading = readers.map(async (answer) => {
  const items = [];
  for await (const item of answer.jsonStream()) items.push(item);
  return items;
});
await handle.append('"appended"');
const producer = new IdempotentProducer(handle, "node", { maxBatchBytes: 4 });
for (const n of [1, 2, 3]) producer.append(String(n));
await producer.close('"last"');
console.log(JSON.stringify(await Promise.all(reading)));
