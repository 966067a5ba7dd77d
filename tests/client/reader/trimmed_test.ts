import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { BINARY, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit, SseResponse } from "../../support/client/reader_kit.ts";

const MODES = ["auto", "sse", "long-poll", "catch-up"] as const;

/** A stream of five messages, of three bytes each. */
async function five(): Promise<AppKit> {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3,4,5]");
  return kit;
}

for (const readMode of MODES) {
  Deno.test(`a reader whose place was trimmed fails with the earliest offset that is left (${readMode})`, async () => {
    const kit = await five();
    await kit.client.trim("s", kit.offset(9));
    const reader = kit.client.reader("s", { offset: kit.offset(3), readMode });
    const failure = { code: "trimmed", status: 410, earliestOffset: kit.offset(9) };
    await rejects(kit.until(reader.read()), failure);
    // Its user may go on where something is left.
    const { messages } = await kit.until(reader.seek(kit.offset(9)).read());
    deepEqual(messages.map((message) => message.json()), [4, 5]);
    await reader.close();
  });

  Deno.test(`a reader that skips goes on at what is left, and says what it missed (${readMode})`, async () => {
    const kit = await five();
    await kit.client.trim("s", kit.offset(9));
    const reader = kit.client.reader("s", { offset: kit.offset(3), trimmed: "skip", readMode });
    const { messages, missed } = await kit.until(reader.read());
    deepEqual(messages.map((message) => message.json()), [4, 5]);
    const expected = { from: kit.offset(3), to: kit.offset(9), bytes: 6 };
    deepEqual(missed, expected);
    deepEqual(messages[0]?.missed, expected);
    equal(messages[1]?.missed, undefined);
    await kit.append("s", JSON_TYPE, "6");
    const next = await kit.until(reader.read());
    deepEqual(next.messages.map((message) => message.json()), [6]);
    equal(next.missed, undefined);
    equal(next.messages[0]?.missed, undefined);
    await reader.close();
  });
}

Deno.test("a reader from the start has what is left, and missed nothing that it knew of", async () => {
  const kit = await five();
  await kit.client.trim("s", kit.offset(9));
  const { messages, missed } = await kit.until(kit.client.reader("s").read());
  deepEqual(messages.map((message) => message.json()), [4, 5]);
  equal(missed, undefined);
});

Deno.test("a reader that counts says how many messages it missed", async () => {
  const kit = await five();
  const reader = kit.client.reader("s", {
    ordinals: true,
    trimmed: "skip",
    readMode: "long-poll",
  });
  const first = await kit.until(reader.read());
  deepEqual(first.messages.map(({ ordinal }) => ordinal), [0, 1, 2, 3, 4]);
  equal(first.nextOrdinal, 5);
  await kit.append("s", JSON_TYPE, "[6,7,8]");
  await kit.client.trim("s", kit.offset(21));
  const { messages, missed } = await kit.until(reader.read());
  deepEqual(messages.map(({ ordinal }) => ordinal), [7]);
  deepEqual(missed, { from: kit.offset(15), to: kit.offset(21), bytes: 6, messages: 2 });
});

Deno.test("what was missed stands before the next message, also where none is there yet", async () => {
  const kit = await five();
  const reader = kit.client.reader("s", { offset: kit.offset(6), trimmed: "skip" });
  await kit.client.trim("s", "now");
  await kit.append("s", JSON_TYPE, "6");
  for await (const message of reader) {
    equal(message.json(), 6);
    deepEqual(message.missed, { from: kit.offset(6), to: kit.offset(15), bytes: 9 });
    break;
  }
});

Deno.test("a reader that is late twice is told of each gap with the answer behind it", async () => {
  const kit = new AppKit();
  await kit.make("b", BINARY, "0123456789");
  await kit.client.trim("b", kit.offset(4));
  const reader = kit.client.reader("b", {
    offset: kit.offset(2),
    trimmed: "skip",
    readMode: "catch-up",
  });
  await kit.until(reader.read());
  await kit.append("b", BINARY, "abc");
  await kit.client.trim("b", kit.offset(12));
  const { missed, messages } = await kit.until(reader.read());
  deepEqual(missed, { from: kit.offset(10), to: kit.offset(12), bytes: 2 });
  equal(messages[0]?.text(), "c");
});

Deno.test("a connection that ends with what was trimmed: the reader skips, or fails, by its option", async () => {
  const control = { streamNextOffset: "x_3", trimmed: true, earliestOffset: "x_9" };
  const trimmed = () => new SseResponse().event(undefined, control).end().response;
  const options = { offset: "x_3", readMode: "sse" } as const;
  const catchUp = () =>
    new Response(null, {
      status: 204,
      headers: { "stream-next-offset": "x_3", "stream-up-to-date": "true" },
    });
  const failing = new ScriptKit([catchUp(), trimmed()]);
  const reader = failing.client.reader("s", options);
  await failing.until(reader.read());
  await rejects(failing.until(reader.read()), { code: "trimmed", earliestOffset: "x_9" });
  const rest = new SseResponse().event("rest", { streamNextOffset: "x_12", upToDate: true });
  const skipping = new ScriptKit([catchUp(), trimmed(), rest.response]);
  const other = skipping.client.reader("s", { ...options, trimmed: "skip" });
  await skipping.until(other.read());
  const { missed } = await skipping.until(other.read());
  deepEqual(missed, { from: "x_3", to: "x_9" });
  equal(skipping.requests.at(-1), "GET s?live=sse&offset=x_9");
  await other.close();
});

Deno.test("a server that has trimmed its earliest offset, too, ends a reader that skips", async () => {
  const gone = () =>
    new Response(null, { status: 410, headers: { "stream-earliest-offset": "x_9" } });
  const kit = new ScriptKit([gone(), gone()]);
  const reader = kit.client.reader("s", { offset: "x_3", trimmed: "skip" });
  await rejects(kit.until(reader.read()), { code: "trimmed", earliestOffset: "x_9" });
  equal(kit.requests.length, 2);
});

Deno.test("what goes while a reader skips is part of the same gap", async () => {
  const gone = (earliest: string) => () =>
    new Response(null, { status: 410, headers: { "stream-earliest-offset": earliest } });
  const offset = (position: number) => `00000001_${String(position).padStart(16, "0")}`;
  const kit = new ScriptKit([
    gone(offset(9)),
    gone(offset(12)),
    chunkResponse("[5]", { next: offset(15), upToDate: true }),
  ]);
  const reader = kit.client.reader("s", { offset: offset(3), trimmed: "skip" });
  const { missed } = await kit.until(reader.read());
  deepEqual(missed, { from: offset(3), to: offset(12), bytes: 9 });
});

Deno.test("a 410 that names no earliest offset is what it was: the stream is gone", async () => {
  const kit = new ScriptKit([new Response(null, { status: 410 })]);
  const reader = kit.client.reader("s", { offset: "x_3", trimmed: "skip" });
  await rejects(kit.until(reader.read()), { code: "gone" });
});

Deno.test("all() skips, too, and a count after a trimmed offset says where it was", async () => {
  const kit = await five();
  const first = kit.client.reader("s", { readMode: "catch-up" });
  for await (const message of first) if (message.json() === 2) break;
  equal(first.offset, `${kit.offset(0)}/2`);
  await kit.client.trim("s", kit.offset(9));
  const later = kit.client.reader("s", { offset: first.offset, trimmed: "skip" });
  const messages = await kit.until(later.all());
  deepEqual(messages.map((message) => message.json()), [4, 5]);
  deepEqual(messages[0]?.missed, { from: `${kit.offset(0)}/2`, to: kit.offset(9) });
});

Deno.test("trimmed is fail or skip", async () => {
  const kit = new AppKit();
  await kit.make("s", TEXT);
  const options = JSON.parse('{"trimmed":"ignore"}');
  throws(() => kit.client.reader("s", options), { code: "invalid_argument", message: /trimmed/ });
});
