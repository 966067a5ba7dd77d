import { equal } from "node:assert/strict";
import { createApp } from "../../src/server/app.ts";
import { encodeUtf8 } from "../../src/protocol/bytes.ts";
import { keyPairOf } from "../../src/subscriptions/webhooks/ed25519.ts";
import { signWebhook } from "../../src/subscriptions/webhooks/signature.ts";
import { createMemoryStorage } from "../../src/storage/memory.ts";
import { bundleClient } from "../../tools/client_size.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { BUN } from "../tools/install.ts";

/** What goes over a runtime's own `fetch`, blobs and streams. */
const PROGRAM = `
import process from "node:process";
import { Client, verifyWebhook } from "./client.mjs";
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

await client.create("wakes", { contentType: "application/json" });
await client.subscription("s").create({ pattern: "jobs/*", wakeStream: "wakes" });
await client.create("jobs/1", { contentType: "text/plain", initialData: "a job" });
const worker = client.worker("s", {
  handler({ path, messages }) {
    print(path, messages[0].text());
    worker.stop();
  },
});
await worker.run();
const { body, signature, keys } = JSON.parse(process.argv[3]);
const headers = { "webhook-signature": signature };
const webhook = (text) => new Request("http://localhost/", { method: "POST", headers, body: text });
print((await verifyWebhook(webhook(body), { keys })).wakeId);
try {
  await verifyWebhook(webhook(body + " "), { keys });
} catch (error) {
  print(error.code);
}
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
["jobs/1","a job"]
["w_1"]
["invalid_webhook"]
["invalid_argument"]
`;

/** A webhook as a server signs it, and the keys, as JSON. */
function signedWebhook(): string {
  const { jwk, privateKey } = keyPairOf(new Uint8Array(32));
  const body = JSON.stringify({
    subscription_id: "s",
    wake_id: "w_1",
    generation: 1,
    streams: [],
    callback_url: "",
    callback_token: "",
  });
  const signature = signWebhook({ kid: jwk.kid, privateKey }, encodeUtf8(body), Date.now());
  return JSON.stringify({ body, signature, keys: [jwk] });
}

const RUNTIMES: readonly [string, readonly string[]][] = [
  ["Node", ["node"]],
  ["Deno", [Deno.execPath(), "run", "-A", "--no-config"]],
  ["Bun", [BUN]],
];

for (const [runtime, command] of RUNTIMES) {
  Deno.test(`${runtime}: blobs, streams, signatures and all at once work with what it brings`, async () => {
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
        const { code, output } = await runCommand([
          ...command,
          `${dir}/program.mjs`,
          url,
          signedWebhook(),
        ], { limitMinutes: 1 });
        equal(output, PRINTED);
        equal(code, 0);
      });
    } finally {
      await server.shutdown();
    }
  });
}
