import { deepEqual as equal, rejects } from "node:assert/strict";
import type { StandardSchema } from "../../../src/client/reader/standard_schema.ts";
import { JSON_TYPE, settle, TEXT } from "../../support/fixture.ts";
import { failed } from "../../support/client/producer_fixture.ts";
import { AppKit, chunkResponse, ScriptKit } from "../../support/client/reader_kit.ts";

async function kitWith(type: Record<string, string>, content: string) {
  const kit = new AppKit();
  await kit.make("s", type, content);
  return kit;
}

Deno.test("all gives what is there, in any mode, and the reader continues from there", async () => {
  for (const readMode of ["auto", "long-poll", "sse", "catch-up"] as const) {
    const kit = await kitWith(JSON_TYPE, "[1,2,3]");
    const reader = kit.client.reader("s", { readMode });
    const messages = await kit.until(reader.all());
    equal(messages.map((message) => message.text()), ["1", "2", "3"]);
    equal([reader.offset, reader.upToDate, reader.closed], [kit.offset(9), true, false]);
    equal(messages.at(-1)?.offset, reader.offset);
    equal(await kit.until(reader.all()), []);
    await kit.append("s", JSON_TYPE, "[4]");
    equal((await kit.until(reader.read())).messages.map(({ offset }) => offset), [kit.offset(12)]);
    await reader.close();
  }
});

Deno.test("all begins where a loop stopped, and where the stream is closed says so", async () => {
  const kit = await kitWith(JSON_TYPE, "[1,2,3]");
  const reader = kit.client.reader("s");
  for await (const value of reader.json()) if (value === 1) break;
  equal(reader.offset, "-1/1".replace("-1", kit.offset(0)));
  await kit.client.close("s");
  equal(await kit.until(reader.allJson()), [2, 3]);
  equal(reader.closed, true);
  equal((await reader.read()).closed, true);
});

Deno.test("all continues over answers that aren't the last", async () => {
  const kit = new ScriptKit([
    chunkResponse("[1]", { next: "1" }),
    chunkResponse("[2]", { next: "2" }),
    chunkResponse("[3]", { next: "3", upToDate: true }),
  ]);
  equal(await kit.until(kit.client.reader("s").allJson<number>()), [1, 2, 3]);
});

Deno.test("a character that two answers share is one in allText and textStream", async () => {
  const bytes = new TextEncoder().encode("a☃b");
  const halves = () => [
    part(bytes.subarray(0, 2), "1"),
    part(bytes.subarray(2), "2", { "stream-closed": "true" }),
  ];
  const all = new ScriptKit(halves());
  equal(await all.until(all.client.reader("s").allText()), "a☃b");
  const streamed = new ScriptKit(halves());
  const chunks: string[] = [];
  const reader = streamed.client.reader("s").textStream().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
  }
  equal(chunks, ["a", "☃b"]);
});

Deno.test("a text that ends in half a character ends in U+FFFD", async () => {
  const kit = new ScriptKit([part(Uint8Array.of(0x61, 0xe2), "1", { "stream-closed": "true" })]);
  const reader = kit.client.reader("s").textStream().getReader();
  equal([await reader.read(), await reader.read(), (await reader.read()).done], [
    { done: false, value: "a" },
    { done: false, value: "\ufffd" },
    true,
  ]);
});

Deno.test("allText of a JSON stream is a line for each message", async () => {
  const kit = await kitWith(JSON_TYPE, '[1,{"a":\n2}]');
  equal(await kit.until(kit.client.reader("s").allText()), '1\n{"a": 2}\n');
  equal(await kit.until(kit.client.reader("s").allText()), '1\n{"a": 2}\n');
});

Deno.test("a text stream asks for nothing before it is wanted, and disconnects when cancelled", async () => {
  const kit = await kitWith(TEXT, "abc");
  const stream = kit.client.reader("s").textStream();
  await settle();
  equal(kit.requests, []);
  const reader = stream.getReader();
  equal((await reader.read()).value, "abc");
  await reader.cancel();
  equal(kit.requests.length, 1);
});

Deno.test("where all fails the reader stays where it was", async () => {
  const kit = await kitWith(JSON_TYPE, "[1,2]");
  const positive: StandardSchema<unknown, number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => value === 1 ? { value } : { issues: [{ message: "not 1" }] },
    },
  };
  const reader = kit.client.reader("s");
  await failed(kit.until(reader.allJson(positive)), "invalid_message", /not 1/);
  equal(reader.offset, "-1");
  equal(await kit.until(reader.allJson()), [1, 2]);
});

Deno.test("all takes a signal, is alone, and ends with the reader", async () => {
  const never = () => new Promise<Response>(() => {});
  const kit = new ScriptKit([never, never]);
  const reader = kit.client.reader("s");
  const controller = new AbortController();
  const reading = reader.all({ signal: controller.signal });
  await failed(reader.read(), "invalid_argument", /Another read/);
  controller.abort("enough");
  await rejects(reading, (reason) => reason === "enough");
  const again = reader.all();
  await reader.close();
  await failed(again, "ended");
});

function part(bytes: Uint8Array<ArrayBuffer>, next: string, fields: Record<string, string> = {}) {
  const headers = { "content-type": "text/plain", "stream-next-offset": next, ...fields };
  return new Response(bytes, { headers });
}
