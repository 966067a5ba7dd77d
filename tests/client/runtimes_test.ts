import { equal } from "node:assert/strict";
import { createApp } from "../../src/server/app.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { bundleClient } from "../../tools/client_size.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { BUN } from "../tools/install.ts";

/** What goes over a runtime's own `fetch`, blobs and streams. */
const PROGRAM = `
import process from "node:process";
import { Client } from "./client.mjs";
const client = new Client(process.argv[2], { query: { run: () => "1" } });
const print = (...values) => console.log(JSON.stringify(values));

await client.create("log", { contentType: "text/plain", initialData: new Blob(["a☃\\n"]) });
const writer = client.writer("log");
void writer.send(new TextEncoder().encode("-b\\n-").subarray(1, 3));
void writer.send(new Uint16Array([0x0a63]));
await new Response("d\\n").body.pipeTo(writer.writable());
await writer.send(new Response("e\\n").body, { close: true });
const reader = client.reader("log");
print(await reader.allText(), reader.closed);
let text = "";
const chunks = client.reader("log").textStream().getReader();
for (let next = await chunks.read(); !next.done; next = await chunks.read()) text += next.value;
print(text);

await client.create("values", { contentType: "application/json" });
const producer = client.producer("values", { id: "p" });
const numbers = new ReadableStream({
  start(controller) {
    for (const number of ["1", "2", "3"]) controller.enqueue(number);
    controller.close();
  },
});
await numbers.pipeTo(producer.writable());
await producer.send(new Blob(["4"]));
await producer.closeStream();
print(await client.reader("values").allJson(), producer.gauges.bufferedBytes);
const seen = [];
for await (const value of client.reader("values", { readMode: "sse" }).json()) seen.push(value);
print(seen, await client.exists("values"), await client.exists("nothing"));
try {
  await writer.send({});
} catch (error) {
  print(error.code);
}
`;

const PRINTED = `["a☃\\nb\\nc\\nd\\ne\\n",true]
["a☃\\nb\\nc\\nd\\ne\\n"]
[[1,2,3,4],0]
[[1,2,3,4],true,false]
["invalid_argument"]
`;

const RUNTIMES: readonly [string, readonly string[]][] = [
  ["Node", ["node"]],
  ["Deno", [Deno.execPath(), "run", "-A", "--no-config"]],
  ["Bun", [BUN]],
];

for (const [runtime, command] of RUNTIMES) {
  Deno.test(`${runtime}: blobs, streams and all at once work with what it brings`, async () => {
    const app = createApp({ storage: createMemoryStorage() });
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => app.request(request),
    );
    try {
      await withTempDir(async (dir) => {
        await Deno.writeFile(`${dir}/client.mjs`, await bundleClient());
        await Deno.writeTextFile(`${dir}/program.mjs`, PROGRAM);
        const url = `http://127.0.0.1:${server.addr.port}/v1/stream`;
        const { code, output } = await runCommand([...command, `${dir}/program.mjs`, url], {
          limitMinutes: 1,
        });
        equal(output, PRINTED);
        equal(code, 0);
      });
    } finally {
      await server.shutdown();
    }
  });
}
