import { deepEqual as equal, ok, rejects } from "node:assert/strict";
import { Client } from "../../../src/client/client.ts";
import type { TransportResponse } from "../../../src/client/transport/transport.ts";
import { NO_BYTES } from "../../../src/protocol/bytes.ts";
import { isPending, JSON_TYPE, settle } from "../../support/fixture.ts";
import { AppKit, chunkResponse, ScriptKit, SseResponse } from "../../support/client/reader_kit.ts";

const MODES = ["long-poll", "sse"] as const;
/** A read from the app in memory is over after fewer turns of the queue than this. */
const MOMENTS = 150;

/** An `AbortSignal` that counts who listens to it. */
class CountedSignal {
  readonly #controller = new AbortController();
  listeners = 0;

  get signal(): AbortSignal {
    const { signal } = this.#controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    return Object.assign(signal, {
      addEventListener: (type: string, listener: () => void) => {
        this.listeners++;
        add(type, listener);
      },
      removeEventListener: (type: string, listener: () => void) => {
        this.listeners--;
        remove(type, listener);
      },
    });
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }
}

for (const readMode of MODES) {
  Deno.test(`close ends a ${readMode} read that waits, and all later ones`, async () => {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE);
    const reader = kit.client.reader("s", { readMode });
    await reader.read();
    const reading = reader.read();
    ok(await isPending(reading));
    await reader.close();
    await rejects(reading, { code: "ended" });
    await rejects(reader.read(), { code: "ended" });
    await rejects(reader.json().next(), { code: "ended" });
    await rejects(reader.seekToTail(), { code: "ended" });
    await reader.close();
    kit.clock.advance(1_000);
    equal(kit.clock.pendingTimers, 0);
  });

  Deno.test(`aborting the reader's signal ends a ${readMode} read with its reason`, async () => {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE, "[1]");
    const { signal, abort } = controlled();
    const reader = kit.client.reader("s", { readMode, signal });
    await reader.read();
    const reading = reader.read();
    ok(await isPending(reading));
    const reason = new Error("enough");
    abort(reason);
    await rejects(reading, reason);
    await rejects(reader.read(), reason);
    await rejects(reader[Symbol.asyncIterator]().next(), reason);
    kit.clock.advance(1_000);
    equal(kit.clock.pendingTimers, 0);
  });

  Deno.test(`aborting one ${readMode} read leaves the reader as it was`, async () => {
    const kit = new AppKit();
    await kit.make("s", JSON_TYPE);
    const reader = kit.client.reader("s", { readMode });
    await reader.read();
    const { signal, abort } = controlled();
    const reading = reader.read({ signal });
    ok(await isPending(reading));
    abort(new Error("enough"));
    await rejects(reading, /enough/);
    await kit.append("s", JSON_TYPE, "[1]");
    equal((await reader.read()).messages.length, 1);
    await reader.close();
  });
}

Deno.test("a signal that is aborted already ends every read before it asks", async () => {
  const kit = new AppKit();
  const reason = new Error("too late");
  const signal = AbortSignal.abort(reason);
  await rejects(kit.client.reader("s", { signal }).read(), reason);
  await rejects(kit.client.reader("s").read({ signal }), reason);
  equal(kit.requests, []);
});

Deno.test("aborting the signal ends a loop that has messages left", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  const { signal, abort } = controlled();
  const reason = new Error("enough");
  const seen: unknown[] = [];
  const loop = async () => {
    for await (const value of kit.client.reader("s", { signal }).json()) {
      seen.push(value);
      abort(reason);
    }
  };
  await rejects(loop(), reason);
  equal(seen, [1]);
});

Deno.test("a wait before another attempt ends when the reader is closed", async () => {
  const kit = new ScriptKit([new Response(null, { status: 503 })]);
  const reader = kit.client.reader("s");
  const reading = reader.read();
  ok(await isPending(reading));
  await reader.close();
  await rejects(reading, { code: "ended" });
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("aborting the signal closes a connection that is held between two reads", async () => {
  const sse = new SseResponse();
  const kit = new ScriptKit([chunkResponse("[]", { next: "5", upToDate: true }), sse.response]);
  const counted = new CountedSignal();
  const reader = kit.client.reader("s", { signal: counted.signal });
  await reader.read();
  sse.event("[1]", { streamNextOffset: "6", streamCursor: "c", upToDate: true });
  await reader.read();
  equal([sse.isCancelled, counted.listeners], [false, 1]);
  counted.abort(new Error("enough"));
  await settle();
  equal([sse.isCancelled, counted.listeners], [true, 0]);
});

Deno.test("a thousand reads leave no listener on the reader's signal, nor on a read's", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  const life = new CountedSignal();
  const call = new CountedSignal();
  const signals = { life: life.signal, call: call.signal };
  for (const readMode of ["catch-up", "long-poll", "auto"] as const) {
    const reader = kit.client.reader("s", { readMode, signal: signals.life });
    for (let i = 0; i < 1_000; i++) {
      const reading = reader.read({ signal: signals.call });
      if (readMode !== "catch-up") await kit.append("s", JSON_TYPE, "4");
      await reading;
      // Only a connection that is held open listens.
      equal([life.listeners, call.listeners], [readMode === "auto" && i > 0 ? 1 : 0, 0]);
    }
    await reader.close();
    await settle();
    equal([life.listeners, call.listeners], [0, 0]);
  }
});

for (const readMode of ["catch-up", ...MODES] as const) {
  Deno.test(`a ${readMode} read that is aborted at any moment loses nothing`, async () => {
    const kit = new AppKit();
    let offset = await kit.make("s", JSON_TYPE);
    for (let moment = 0; moment < MOMENTS; moment++) {
      const reader = kit.client.reader("s", { offset, readMode });
      if (readMode !== "catch-up") await reader.read();
      offset = await kit.append("s", JSON_TYPE, "[1,2]");
      const { signal, abort } = controlled();
      const reading = reader.read({ signal });
      for (let i = 0; i < moment; i++) await Promise.resolve();
      abort(new Error("enough"));
      const first = await reading.then(({ messages }) => messages, () => []);
      const { messages } = first.length === 0 ? await reader.read() : { messages: first };
      equal(messages.map((message) => message.text()), ["1", "2"], `at moment ${moment}`);
      await reader.close();
    }
  });
}

Deno.test("a seek at any moment of a read counts", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2]");
  for (let moment = 0; moment < MOMENTS; moment++) {
    const reader = kit.client.reader("s", { offset: "-1/1", readMode: "catch-up" });
    const reading = reader.read();
    for (let i = 0; i < moment; i++) await Promise.resolve();
    reader.seek("-1");
    const { messages } = await reading;
    const wasInTime = messages.length === 2;
    ok(wasInTime || messages.length === 1);
    const rest = wasInTime ? messages : (await reader.read()).messages;
    equal(rest.map((message) => message.text()), ["1", "2"], `at moment ${moment}`);
  }
});

Deno.test("await using closes the reader", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE);
  let kept;
  {
    await using reader = kit.client.reader("s");
    await reader.read();
    kept = reader;
  }
  await rejects(kept.read(), { code: "ended" });
});

Deno.test("a connection that comes after the reader was closed is hung up", async () => {
  const sse = new SseResponse();
  const late = Promise.withResolvers<TransportResponse>();
  const { headers } = sse.response;
  const stream = sse.response.body ?? undefined;
  const tail = chunkResponse("[]", { next: "5", upToDate: true }).headers;
  const client = new Client("http://localhost/v1/stream", {
    // One that doesn't listen to its signal.
    transport: (request) =>
      request.streaming
        ? late.promise
        : Promise.resolve({ status: 204, headers: tail, body: NO_BYTES, stream: undefined }),
  });
  const reader = client.reader("s", { readMode: "sse" });
  await reader.read();
  const reading = reader.read();
  await settle();
  await reader.close();
  late.resolve({ status: 200, headers, body: NO_BYTES, stream });
  await rejects(reading, { code: "ended" });
  equal(sse.isCancelled, true);
});

function controlled(): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}
