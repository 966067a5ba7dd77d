import { deepStrictEqual as equal } from "node:assert";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import { TEXT } from "../../support/fixture.ts";
import type { RequestOutcome } from "../../support/client/scripted_transport.ts";
import { drainEventLoop, failed, ProducerFixture } from "../../support/client/producer_fixture.ts";

async function fixture() {
  const at = new ProducerFixture();
  await at.server.make("s", TEXT);
  return { at, writer: at.client.writer("s", { contentType: "text/plain" }) };
}

/** Lets go of requests one by one, the newest first where several are under way. */
function gates(at: ProducerFixture) {
  const open: (() => void)[] = [];
  at.transport.script = async (): Promise<RequestOutcome> => {
    await new Promise<void>((resolve) => open.unshift(resolve));
    return "pass";
  };
  return async () => {
    await drainEventLoop();
    open.shift()?.();
    await drainEventLoop();
  };
}

Deno.test("sends that nobody awaits go out one by one, in their order, and the close last", async () => {
  const { at, writer } = await fixture();
  const letOne = gates(at);
  const calls = [
    writer.send("a"),
    writer.send(new Blob(["b"])),
    writer.sendJson("c"),
    writer.send("d"),
    writer.close(),
  ];
  for (let i = 0; i < calls.length; i++) await letOne();
  const answers = await Promise.all(calls);
  equal(at.transport.maxConcurrent, 1);
  equal(await at.server.content("s"), 'ab"c"d');
  equal(answers.map(({ closed }) => closed), [false, false, false, false, true]);
});

Deno.test("a writer that asks for the type first keeps the order too", async () => {
  const { at } = await fixture();
  const writer = at.client.writer("s");
  await Promise.all(["a", "b", "c"].map((text) => writer.send(text)));
  equal(await at.server.content("s"), "abc");
  equal(at.transport.requests.filter(({ method }) => method === "HEAD").length, 1);
});

Deno.test("where one fails, those that waited for it aren't sent, and what comes later is", async () => {
  const { at, writer } = await fixture();
  at.transport.script = (_, number) => number === 1 ? { status: 500, text: "broken" } : "pass";
  const first = writer.send("a");
  const second = writer.send("b");
  const third = writer.send("c");
  const closing = writer.close();
  await first;
  equal((await failed(second, "unavailable")).undelivered, undefined);
  const lost = { lost: 1, unknown: 0 };
  const error = await failed(third, "unavailable", /^Not sent, since .*broken/, lost);
  equal(error.cause instanceof ClientError && error.cause.message, "broken");
  await failed(closing, "unavailable", /^Not sent/, lost);
  await writer.send("d");
  equal(await at.server.content("s"), "ad");
});

Deno.test("what is called as soon as a failure is known isn't held responsible for it", async () => {
  const { at, writer } = await fixture();
  at.transport.script = (_, number) => number === 0 ? { status: 500 } : "pass";
  const again = writer.send("a").catch(() => writer.send("A"));
  const waiting = writer.send("b").catch(() => writer.send("B"));
  await Promise.all([again, waiting]);
  equal(await at.server.content("s"), "AB");
});

Deno.test("a call that makes no sense fails alone", async () => {
  const { at, writer } = await fixture();
  const first = writer.send("a");
  const bad = failed(writer.send(JSON.parse("{}")), "invalid_argument");
  const unfit = failed(writer.sendJson(() => {}), "invalid_argument");
  const last = writer.send("c");
  await Promise.all([first, bad, unfit, last]);
  equal(await at.server.content("s"), "ac");
});

Deno.test("a call that is aborted while it waits is taken out, and the others go", async () => {
  const { at, writer } = await fixture();
  const letOne = gates(at);
  const controller = new AbortController();
  const first = writer.send("a");
  const aborted = writer.send("b", { signal: controller.signal }).catch((reason) => reason);
  const last = writer.send("c");
  controller.abort("enough");
  equal(await aborted, "enough");
  await letOne();
  await letOne();
  await Promise.all([first, last]);
  equal(await at.server.content("s"), "ac");
});
