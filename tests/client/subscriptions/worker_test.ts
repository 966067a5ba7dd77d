import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { Work, WorkerOptions } from "../../../src/client/subscriptions/worker.ts";
import { decodeUtf8 } from "../../../src/protocol/bytes.ts";
import { isPending, JSON_TYPE, settle, TEXT } from "../../support/fixture.ts";
import { AppKit } from "../../support/client/reader_kit.ts";

const LEASE_MS = 30_000;

/** An app with a pull-wake subscription for `a/*`, and what its workers did. */
class WorkerKit extends AppKit {
  /** Worker, stream and messages of each call of a handler. */
  readonly done: string[] = [];
  /** What the network does to each request before it is sent. */
  onRequest: (url: string, init: RequestInit) => Response | Promise<Response> | undefined = () =>
    undefined;

  static async make(): Promise<WorkerKit> {
    const kit: WorkerKit = new WorkerKit(
      {},
      {},
      (send) => (url, init) => kit.onRequest(url, init) ?? send(url, init),
    );
    await kit.make("wakes", JSON_TYPE);
    const options = { pattern: "a/*", wakeStream: "wakes", leaseMs: LEASE_MS };
    await kit.client.subscription("s").create(options);
    return kit;
  }

  worker(name: string, options: Partial<WorkerOptions> = {}) {
    return this.client.worker("s", {
      name,
      handler: (work) => void this.done.push(`${name} ${work.path} ${textOf(work)}`),
      ...options,
    });
  }

  /** Lets all that doesn't wait for time to pass run to its end: requests follow each other. */
  async rest(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      await settle();
      this.clock.advance(0);
    }
  }

  async acked(path: string): Promise<string | undefined> {
    const { streams } = await this.client.subscription("s").get();
    return streams.find((stream) => stream.path === path)?.ackedOffset;
  }

  /** How many requests ended so. */
  count(end: string): number {
    return this.requests.filter((request) => request.endsWith(end)).length;
  }
}

function textOf({ messages }: Work): string {
  return messages.map((message) => message.text()).join(",");
}

/** The body of one of the client's requests. */
function bytesOf(body: BodyInit | null | undefined): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array();
}

/** A handler that a test lets go on. */
class Gate {
  readonly works: Work[] = [];
  #opened = Promise.withResolvers<void>();
  readonly handler = async (work: Work) => {
    this.works.push(work);
    await this.#opened.promise;
  };

  open(): void {
    this.#opened.resolve();
  }

  fail(error: Error): void {
    this.#opened.reject(error);
    this.#opened = Promise.withResolvers();
  }
}

Deno.test("a worker does what is pending at its start, and then what comes (§7.2)", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", JSON_TYPE, '[1,{"b":2}]');
  const worker = kit.worker("w");
  const running = worker.run();
  await kit.rest();
  deepEqual(kit.done, ['w a/1 1,{"b":2}']);
  const tail = await kit.append("a/1", JSON_TYPE, "[3]");
  await kit.rest();
  await kit.make("a/2", TEXT, "text");
  await kit.rest();
  deepEqual(kit.done.slice(1), ["w a/1 3", "w a/2 text"]);
  equal(await kit.acked("a/1"), tail);
  ok(await isPending(running));
  worker.stop();
  await running;
  const { length } = kit.requests;
  kit.clock.advance(10 * LEASE_MS);
  await kit.rest();
  equal(kit.requests.length, length, "nothing of it goes on");
});

Deno.test("a handler is told what it works on", async () => {
  const kit = await WorkerKit.make();
  const tail = await kit.make("a/1", JSON_TYPE, "[1]");
  const gate = new Gate();
  const running = kit.worker("w", { handler: gate.handler }).runOnce();
  await kit.rest();
  const [work] = gate.works;
  ok(work !== undefined);
  const { messages, signal, wakeId, ...rest } = work;
  deepEqual(rest, {
    path: "a/1",
    contentType: "application/json",
    offset: "-1",
    nextOffset: tail,
    generation: 1,
  });
  match(wakeId, /^w_/);
  equal(messages.length, 1);
  ok(!signal.aborted);
  gate.open();
  equal(await running, true);
  equal(await kit.worker("w").runOnce(), false);
});

Deno.test("a long backlog comes in several calls, each acked by itself", async () => {
  const kit = new AppKit({ chunkBytes: 4096 });
  await kit.make("wakes", JSON_TYPE);
  await kit.client.subscription("s").create({ pattern: "a", wakeStream: "wakes" });
  await kit.make("a", TEXT, "x".repeat(4000));
  await kit.append("a", TEXT, "y".repeat(4000));
  const tail = await kit.append("a", TEXT, "z".repeat(4000));
  const seen: Work[] = [];
  const acked: unknown[] = [];
  await kit.client.worker("s", {
    async handler(work) {
      seen.push(work);
      const { streams } = await kit.client.subscription("s").get();
      acked.push(streams[0]?.ackedOffset);
    },
  }).runOnce();
  ok(seen.length > 1, `${seen.length} calls`);
  equal(seen.map(textOf).join(""), `${"x".repeat(4000)}${"y".repeat(4000)}${"z".repeat(4000)}`);
  deepEqual(acked, seen.map(({ offset }) => offset));
  equal(seen.at(-1)?.nextOffset, tail);
});

Deno.test("a heartbeat goes out at a third of the lease, and the lease lasts (§7.2)", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const gate = new Gate();
  const running = kit.worker("w", { handler: gate.handler }).runOnce();
  await kit.rest();
  equal(kit.count("/ack"), 0);
  for (let beats = 1; beats <= 12; beats++) {
    kit.clock.advance(LEASE_MS / 3);
    await kit.rest();
    equal(kit.count("/ack"), beats);
  }
  equal(await kit.client.subscription("s").claim("other"), undefined);
  gate.open();
  equal(await running, true);
  kit.clock.advance(LEASE_MS * 2);
  await kit.rest();
  equal(kit.count("/ack"), 13, "no heartbeat follows the end");
  equal(gate.works[0]?.signal.aborted, false);
});

Deno.test("no heartbeat goes out once the end is under way: its answer would be FENCED", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const done = Promise.withResolvers<Response>();
  kit.onRequest = (url, { body }) =>
    url.endsWith("/ack") && decodeUtf8(bytesOf(body)).includes('"done":true')
      ? done.promise
      : undefined;
  const running = kit.worker("w").runOnce();
  await kit.rest();
  kit.clock.advance(LEASE_MS / 2);
  await kit.rest();
  equal(kit.count("/ack"), 0, "the end itself isn't counted here");
  done.resolve(Response.json({ ok: true, next_wake: false }));
  equal(await running, true);
});

Deno.test("what came meanwhile is worked on at once, without a wake event", async () => {
  const kit = await WorkerKit.make();
  await kit.delete("wakes");
  await kit.make("a/1", TEXT, "x");
  const gate = new Gate();
  const worker = kit.worker("w", { handler: gate.handler });
  const running = worker.run();
  await kit.rest();
  await kit.make("a/2", TEXT, "y");
  gate.open();
  await kit.rest();
  deepEqual(gate.works.map(({ path, generation }) => [path, generation]), [["a/1", 1], ["a/2", 2]]);
  worker.stop();
  await running;
});

Deno.test("a heartbeat that fails is repeated sooner; without any the handler is stopped", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const gate = new Gate();
  const running = kit.worker("w", { handler: gate.handler }).runOnce();
  await kit.rest();
  kit.onRequest = (url) => url.endsWith("/ack") ? new Response(null, { status: 503 }) : undefined;
  kit.clock.advance(LEASE_MS / 3);
  await kit.rest();
  kit.onRequest = () => undefined;
  kit.clock.advance(LEASE_MS / 12);
  await kit.rest();
  equal(kit.count("/ack"), 1, "the repeated one came through");
  kit.onRequest = () => {
    throw new TypeError("no network");
  };
  for (let step = 0; step < 12; step++) {
    ok(!gate.works[0]?.signal.aborted);
    kit.clock.advance(LEASE_MS / 12);
    await kit.rest();
  }
  const reason: unknown = gate.works[0]?.signal.reason;
  ok(reason instanceof ClientError && reason.code === "fenced");
  kit.onRequest = () => undefined;
  gate.open();
  equal(await running, true, "a lost wake is no failure");
  equal(kit.count("/ack"), 1, "and nothing of it is acked");
});

Deno.test("a FENCED heartbeat aborts the handler's signal, and nothing is acked (§7.3)", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const gate = new Gate();
  const running = kit.worker("w", { handler: gate.handler }).runOnce();
  await kit.rest();
  await kit.client.subscription("s").delete();
  await kit.client.subscription("s").create({ pattern: "a/*", wakeStream: "wakes" });
  const [work] = gate.works;
  kit.onRequest = (url) =>
    url.endsWith("/ack")
      ? Response.json({ error: { code: "FENCED" } }, { status: 409 })
      : undefined;
  kit.clock.advance(LEASE_MS / 3);
  await kit.rest();
  ok(work?.signal.aborted);
  const reason: unknown = work.signal.reason;
  ok(reason instanceof ClientError && reason.code === "fenced");
  const before = kit.requests.length;
  gate.open();
  equal(await running, true);
  equal(kit.requests.length, before, "neither acked nor released");
});

Deno.test("what a handler throws releases the wake, and the messages come again", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const errors: unknown[] = [];
  let calls = 0;
  const worker = kit.worker("w", {
    handler(work) {
      if (++calls < 3) throw new Error(`no ${calls}`);
      kit.done.push(textOf(work));
      worker.stop();
    },
    onError: (error) => void errors.push(error instanceof Error && error.message),
  });
  const running = worker.run();
  await kit.rest();
  equal(kit.count("/release"), 1);
  equal(kit.count("/claim"), 1, "the server's back-off is waited for");
  await kit.until(running, 200);
  deepEqual(errors, ["no 1", "no 2"]);
  deepEqual(kit.done, ["x"]);
  equal(kit.count("/claim"), 3);
});

Deno.test("without onError a worker ends with what a handler throws, the wake released", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const worker = kit.worker("w", { handler: () => Promise.reject(new Error("broken")) });
  await rejects(worker.run(), /broken/);
  equal(kit.count("/release"), 1);
  await rejects(
    kit.worker("w", { handler: () => Promise.reject(new Error("so")) }).runOnce(),
    /so/,
  );
});

Deno.test("when a worker dies another takes over after the lease, and the dead one is fenced", async () => {
  const kit = await WorkerKit.make();
  const gate = new Gate();
  const dead = kit.worker("dead", { handler: gate.handler });
  const dying = dead.run();
  await kit.rest();
  await kit.make("a/1", TEXT, "x");
  await kit.rest();
  equal(gate.works.length, 1);
  const heir = kit.worker("heir");
  const running = heir.run();
  await kit.rest();
  // Nothing of the first gets through any more: its heartbeats are the acks with a token of its own.
  kit.onRequest = (url) => url.endsWith("/ack") ? new Response(null, { status: 503 }) : undefined;
  for (let waitedMs = 0; waitedMs < LEASE_MS && !gate.works[0]?.signal.aborted;) {
    kit.clock.advance(1_000);
    waitedMs += 1_000;
    await kit.rest();
  }
  kit.onRequest = () => undefined;
  for (let step = 0; step < 10 && kit.done.length === 0; step++) {
    kit.clock.advance(1_000);
    await kit.rest();
  }
  deepEqual(kit.done, ["heir a/1 x"]);
  gate.open();
  dead.stop();
  heir.stop();
  await kit.until(Promise.all([dying, running]));
});

Deno.test("only one of several idle workers gets a wake, and the others wait", async () => {
  const kit = await WorkerKit.make();
  const workers = ["1", "2", "3"].map((name) => kit.worker(name));
  const running = Promise.all(workers.map((worker) => worker.run()));
  await kit.rest();
  await kit.make("a/1", TEXT, "x");
  await kit.rest();
  await kit.append("a/1", TEXT, "y");
  await kit.rest();
  deepEqual(kit.done.map((line) => line.slice(2)), ["a/1 x", "a/1 y"]);
  for (const worker of workers) worker.stop();
  await running;
});

Deno.test("a wake event that is missing doesn't matter: workers claim now and then", async () => {
  const kit = await WorkerKit.make();
  await kit.delete("wakes");
  const worker = kit.worker("w");
  const running = worker.run();
  await kit.rest();
  await kit.make("a/1", TEXT, "x");
  await kit.rest();
  deepEqual(kit.done, []);
  kit.clock.advance(10_000);
  await kit.rest();
  deepEqual(kit.done, ["w a/1 x"]);
  await kit.make("wakes", JSON_TYPE);
  kit.clock.advance(10_000);
  await kit.rest();
  await kit.append("a/1", TEXT, "y");
  await kit.rest();
  deepEqual(kit.done.slice(1), ["w a/1 y"]);
  worker.stop();
  await running;
});

Deno.test("the events of others, old ones and nonsense on the wake stream make no claims", async () => {
  const kit = await WorkerKit.make();
  const worker = kit.worker("w");
  const running = worker.run();
  await kit.rest();
  await kit.make("a/1", TEXT, "x");
  await kit.rest();
  const claims = kit.count("/claim");
  const event = (id: string, generation: unknown, type = "wake") =>
    JSON.stringify({ type, subscription_id: id, stream: "a/1", generation });
  for (
    const value of [event("t", 9), event("s", 1), event("s", "x"), event("s", 9, "y"), "null", "7"]
  ) {
    await kit.append("wakes", JSON_TYPE, value);
    await kit.rest();
  }
  equal(kit.count("/claim"), claims);
  await kit.append("wakes", JSON_TYPE, event("s", 9));
  await kit.rest();
  equal(kit.count("/claim"), claims + 1);
  worker.stop();
  await running;
});

Deno.test("a stream that was deleted meanwhile is left out, the others are done", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  await kit.make("a/2", TEXT, "y");
  kit.onRequest = (url, { method }) =>
    url.includes("/a/1?") && method === "GET" ? new Response(null, { status: 404 }) : undefined;
  equal(await kit.worker("w").runOnce(), true);
  deepEqual(kit.done, ["w a/2 y"]);
});

Deno.test("aborting a worker aborts its handler, releases the wake and rejects with the reason", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const ending = new AbortController();
  const work = Promise.withResolvers<Work>();
  const running = kit.worker("w", {
    signal: ending.signal,
    handler: (given) =>
      new Promise((_, reject) => {
        work.resolve(given);
        given.signal.addEventListener("abort", () => reject(given.signal.reason));
      }),
  }).run();
  await work.promise;
  ending.abort(new Error("enough"));
  await rejects(running, /enough/);
  equal(kit.count("/release"), 1);
  await rejects(kit.worker("w", { signal: ending.signal }).run(), /enough/);
});

Deno.test("what a handler finished though it was told to stop is acked before the release", async () => {
  const kit = await WorkerKit.make();
  const tail = await kit.make("a/1", TEXT, "x");
  await kit.make("a/2", TEXT, "y");
  const ending = new AbortController();
  const gate = new Gate();
  const running = kit.worker("w", { signal: ending.signal, handler: gate.handler }).run();
  await kit.rest();
  ending.abort(new Error("enough"));
  gate.open();
  await rejects(running, /enough/);
  equal(gate.works.length, 1);
  equal(await kit.acked("a/1"), tail);
  equal(await kit.acked("a/2"), "-1");
});

Deno.test("a wake of one stream costs a claim, a read and an ack that ends it", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  kit.requests.length = 0;
  await kit.worker("w").runOnce();
  deepEqual(kit.requests.map((request) => request.replace("__ds/subscriptions/s/", "")), [
    "POST claim",
    "GET a/1?offset=-1",
    "POST ack",
  ]);
});

Deno.test("what a cache has kept for the tail is not the end of a wake", async () => {
  const kit = await WorkerKit.make();
  const first = await kit.make("a/1", TEXT, "x");
  await kit.append("a/1", TEXT, "y");
  kit.onRequest = (url) =>
    url.endsWith("/a/1?offset=-1")
      ? new Response("x", {
        headers: {
          "content-type": "text/plain",
          "stream-next-offset": first,
          "stream-up-to-date": "true",
        },
      })
      : undefined;
  await kit.worker("w").runOnce();
  deepEqual(kit.done, ["w a/1 x", "w a/1 y"]);
});

Deno.test("an idle worker ends at once when it is aborted", async () => {
  const kit = await WorkerKit.make();
  const ending = new AbortController();
  const running = kit.worker("w", { signal: ending.signal }).run();
  await kit.rest();
  ending.abort(new Error("enough"));
  await rejects(running, /enough/);
});

Deno.test("stop lets the handler finish, acks that, and leaves the rest to others", async () => {
  const kit = await WorkerKit.make();
  await kit.make("a/1", TEXT, "x");
  const tail = await kit.make("a/2", TEXT, "y");
  const gate = new Gate();
  const worker = kit.worker("w", { handler: gate.handler });
  const running = worker.run();
  await kit.rest();
  worker.stop();
  ok(await isPending(running));
  ok(!gate.works[0]?.signal.aborted);
  gate.open();
  await running;
  equal(gate.works.length, 1);
  const claim = await kit.client.subscription("s").claim("other");
  deepEqual(claim?.streams.map(({ path, tailOffset }) => [path, tailOffset]), [["a/2", tail]]);
});

Deno.test("a worker of no subscription, or of a webhook's, fails at once", async () => {
  const kit = await WorkerKit.make();
  const handler = () => {};
  const codeOf = (id: string) =>
    kit.client.worker(id, { handler }).run().catch((error) => error.code);
  equal(await codeOf("nothing"), "not_found");
  await kit.client.subscription("hook").create({
    pattern: "a/*",
    webhookUrl: "https://worker.example/",
  });
  equal(await codeOf("hook"), "invalid_argument");
  const worker = kit.worker("w");
  const running = worker.run();
  await rejects(worker.run(), /runs already/);
  worker.stop();
  await running;
});
