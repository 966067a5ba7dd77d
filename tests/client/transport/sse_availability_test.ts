import { deepEqual as equal } from "node:assert/strict";
import { settle } from "../../support/fixture.ts";
import {
  chunkResponse,
  type ResponseScript,
  ScriptKit,
  SseResponse,
} from "../../support/client/reader_kit.ts";

const TEN_MINUTES_MS = 600_000;

const tail = () => chunkResponse("[]", { next: "5", upToDate: true });
const end = () => chunkResponse("[1]", { next: "6", closed: true });
const held = () => new SseResponse().send(":\n\n").response;
const works = () =>
  new SseResponse().event("[1]", { streamNextOffset: "6", streamClosed: true }).response;

/** How each of several readers of one client followed its stream, one after the other. */
async function followed(pausesMs: number[], ...answers: ResponseScript[]) {
  const kit = new ScriptKit(answers);
  const times: number[] = [];
  const modes: string[] = [];
  for (const pauseMs of pausesMs) {
    kit.clock.advance(pauseMs);
    const startMs = kit.clock.nowMs();
    const before = kit.requests.length;
    const values: unknown[] = [];
    const reading = (async () => {
      for await (const value of kit.client.reader(`s${modes.length}`).json()) values.push(value);
    })();
    await kit.until(reading);
    equal(values, [1]);
    times.push(kit.clock.nowMs() - startMs);
    const asked = kit.requests.slice(before);
    modes.push(asked.map((name) => /live=([\w-]+)/.exec(name)?.[1] ?? "get").join(" "));
  }
  return { times, modes };
}

Deno.test("delayed SSE is found out once, not by each reader", async () => {
  const { times, modes } = await followed([0, 0, 0], tail, held, end, tail, end, tail, end);
  equal(modes, ["get sse long-poll", "get long-poll", "get long-poll"]);
  equal(times, [5_000, 0, 0]);
});

Deno.test("after ten minutes SSE is tried again", async () => {
  const before = await followed([0, TEN_MINUTES_MS - 1], tail, held, end, tail, end);
  equal(before.modes[1], "get long-poll");
  const after = await followed([0, TEN_MINUTES_MS], tail, held, end, tail, works);
  equal(after.modes[1], "get sse");
});

Deno.test("repeatedly cut connections are known to all readers too", async () => {
  const cut = () => new SseResponse().break().response;
  const { modes } = await followed([0, 0], tail, cut, cut, cut, end, tail, end);
  equal(modes, ["get sse sse sse long-poll", "get long-poll"]);
});

Deno.test("a rejection of one stream's SSE says nothing about the network", async () => {
  const refused = () => new Response(null, { status: 400 });
  const { modes } = await followed([0, 0], tail, refused, end, tail, works);
  equal(modes, ["get sse long-poll", "get sse"]);
});

Deno.test("a reader whose connection works keeps it, whatever another one found", async () => {
  const open = new SseResponse().event("[0]", { streamNextOffset: "51", streamCursor: "c" });
  const notOffered = new Response(null, { status: 404 });
  const kit = new ScriptKit([tail(), open.response, tail(), notOffered, held(), end()]);
  const first = kit.client.reader("a");
  await first.read();
  equal((await first.read()).messages.length, 1);
  const second = kit.client.reader("b");
  await second.read();
  equal((await kit.until(second.read())).messages.length, 1);
  open.event("[1]", { streamNextOffset: "52", streamClosed: true });
  await settle();
  equal((await first.read()).nextOffset, "52");
  equal(kit.requests.length, 6);
});

Deno.test("mode sse asks for SSE all the same, and another client knows nothing of it", async () => {
  const kit = new ScriptKit([tail(), held(), end(), tail(), works()]);
  for await (const _ of kitReader(kit, "auto")) { /* to its end */ }
  for await (const _ of kitReader(kit, "sse")) { /* to its end */ }
  equal(kit.requests.at(-1), "GET s?live=sse&offset=5");
});

async function* kitReader(kit: ScriptKit, readMode: "auto" | "sse") {
  const reader = kit.client.reader("s", { readMode });
  while (!reader.closed) yield await kit.until(reader.read());
}
