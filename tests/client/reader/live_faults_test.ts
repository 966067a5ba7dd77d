import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { ClientError } from "../../../src/client/errors/client_error.ts";
import type { LiveOptions } from "../../../src/client/reader/live_reader.ts";
import type { Reader } from "../../../src/client/reader/reader.ts";
import type { FixtureOptions } from "../../support/fixture.ts";
import { AppKit } from "../../support/client/reader_kit.ts";
import { CLOSE, JSON_TYPE, settle } from "../../support/fixture.ts";

/** What readers of many streams do where the one connection is refused, full, or offered no more. */

/** A server whose `__ds/live` a test can take away. */
class TakenKit extends AppKit {
  /** What is answered to requests for it in the server's place. */
  refusal: (() => Response) | undefined;

  constructor(options: FixtureOptions = {}) {
    super(options, {}, (send) => (url, init) => {
      const isLive = new URL(url).pathname.includes("/__ds/live");
      return isLive && this.refusal !== undefined ? this.refusal() : send(url, init);
    });
  }

  count(start: string): number {
    return this.requests.filter((request) => request.startsWith(start)).length;
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 6; i++) await settle();
}

async function take(reader: Reader, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) {
    for (const message of (await reader.read()).messages) texts.push(message.text());
  }
  return texts;
}

async function following(kit: AppKit, names: readonly string[]): Promise<Reader[]> {
  for (const name of names) await kit.make(name, JSON_TYPE, "[0]");
  const readers = names.map((name) => kit.client.reader(name));
  for (const reader of readers) await reader.read();
  return readers;
}

/** Reads in the background, as a page does. */
function follow(kit: AppKit, names: readonly string[], options: LiveOptions) {
  const seen: string[] = [];
  const leaving = new AbortController();
  const reading = (async () => {
    const live = kit.client.live(names, { signal: leaving.signal, ...options });
    for await (const { message } of live) seen.push(message.text());
  })();
  const ended = reading.then(() => undefined, (error: unknown) => error);
  return { seen, ended, leave: () => leaving.abort(new Error("left")) };
}

const NOT_FOUND = () => new Response("no such thing", { status: 404 });

for (
  const [what, refusal] of Object.entries({
    "answers 404": NOT_FOUND,
    "answers 403, as a proxy that lets no POST through": () => new Response("no", { status: 403 }),
    "answers with a page": () =>
      new Response("<p>hello</p>", { headers: { "content-type": "text/html" } }),
  })
) {
  Deno.test(`a server that offered it and ${what} leaves each reader a connection of its own`, async () => {
    const kit = new TakenKit({ liveCloseAfterMs: 3_000 });
    const names = ["a", "b", "c"];
    const readers = await following(kit, names);
    const waiting = Promise.all(readers.map((reader) => take(reader, 1)));
    await settled();
    equal(kit.requests.filter((request) => request === "POST __ds/live").length, 1);
    kit.refusal = refusal;
    for (let i = 0; i < 8; i++) {
      kit.clock.advance(1_000);
      await settled();
    }
    for (const name of names) await kit.append(name, JSON_TYPE, `["${name}"]`);
    deepEqual(await kit.until(waiting), names.map((name) => [`"${name}"`]));
    for (const reader of readers) await reader.close();
  });
}

for (const atOnce of [true, false]) {
  const when = atOnce ? "at once" : "later";
  Deno.test(`readers that a full connection has no room for have their own (${when}), the others share it`, async () => {
    const kit = new TakenKit({ maxLiveStreams: 2 });
    const names = ["a", "b", "c", "d", "e"];
    const readers = await following(kit, names);
    const waiting: Promise<string[]>[] = [];
    for (const reader of readers) {
      waiting.push(take(reader, 2));
      if (!atOnce) await settled();
    }
    for (let i = 0; i < 10; i++) await settled();
    for (const name of names) await kit.append(name, JSON_TYPE, `["${name}1","${name}2"]`);
    const texts = await kit.until(Promise.all(waiting));
    deepEqual(texts, names.map((name) => [`"${name}1"`, `"${name}2"`]));
    const asked = kit.requests.join("\n");
    // Nobody asks again and again, and three have connections of their own, the first one from before.
    ok(kit.count("POST __ds/live") <= 3, asked);
    ok(new Set(asked.match(/^GET \w(?=\?.*live=sse)/gm)).size <= 4, asked);
    ok(!asked.includes("long-poll"), asked);
    for (const reader of readers) await reader.close();
  });
}

Deno.test("a stream that can't be read for now is tried again, but not by a loop that was left", async () => {
  const kit = new TakenKit({ maxFollowedStreams: 1 });
  for (const name of ["a", "b"]) await kit.make(name, JSON_TYPE, "[0]");
  const { seen, ended, leave } = follow(kit, ["a", "b"], { onError: () => {} });
  await settled();
  deepEqual(seen, ["0"]);
  await kit.append("a", CLOSE, undefined);
  await settled();
  kit.clock.advance(1_000);
  await settled();
  deepEqual(seen, ["0", "0"]);
  leave();
  await ended;
  const before = follow(kit, ["b", "a"], { onError: () => {} });
  await settled();
  before.leave();
  await before.ended;
  const requests = kit.requests.length;
  kit.clock.advance(60_000);
  await settled();
  equal(kit.requests.length, requests);
  equal(kit.clock.pendingTimers, 0);
});

Deno.test("streams of a pattern that had no room are told of, and taken in once there is some", async () => {
  const kit = new TakenKit({ listing: true, maxLiveStreams: 2 });
  for (const name of ["a", "b", "c"]) await kit.make(name, JSON_TYPE, `["${name}"]`);
  const told: string[] = [];
  const onError = (name: string, { serverCode }: ClientError) => {
    told.push(`${name} ${serverCode}`);
  };
  const { seen, ended, leave } = follow(kit, [], { patterns: ["*"], onError });
  await settled();
  deepEqual(seen, ['"a"', '"b"']);
  deepEqual(told, ["* too_many_streams"]);
  await kit.append("a", CLOSE, undefined);
  for (let i = 0; i < 3; i++) {
    await settled();
    kit.clock.advance(1_000);
  }
  await settled();
  deepEqual(seen, ['"a"', '"b"', '"c"']);
  leave();
  await ended;
});

Deno.test("a pattern that a full server can't follow for now is tried again", async () => {
  const kit = new TakenKit({ listing: true, maxFollowedStreams: 1 });
  for (const name of ["a", "b"]) await kit.make(name, JSON_TYPE, `["${name}"]`);
  const { seen, ended, leave } = follow(kit, [], { patterns: ["*"] });
  await settled();
  deepEqual(seen, ['"a"']);
  await kit.append("a", CLOSE, undefined);
  for (let i = 0; i < 8; i++) {
    await settled();
    kit.clock.advance(1_000);
  }
  await settled();
  deepEqual(seen, ['"a"', '"b"']);
  leave();
  await ended;
});

Deno.test("live() goes on by connections of each stream's own where the server offers it no more", async () => {
  const kit = new TakenKit({ liveCloseAfterMs: 3_000 });
  for (const name of ["a", "b"]) await kit.make(name, JSON_TYPE, "[0]");
  const { seen, ended, leave } = follow(kit, ["a", "b"], {});
  await settled();
  kit.refusal = NOT_FOUND;
  for (let i = 0; i < 8; i++) {
    kit.clock.advance(1_000);
    await settled();
  }
  for (const name of ["a", "b"]) await kit.append(name, JSON_TYPE, "[1]");
  await settled();
  deepEqual(seen, ["0", "0", "1", "1"]);
  leave();
  await ended;
});

Deno.test("live() of patterns waits for a server that offers it again, and says so after its time", async () => {
  const kit = new TakenKit({ listing: true, liveCloseAfterMs: 3_000 });
  await kit.make("a", JSON_TYPE, "[0]");
  const { seen, ended } = follow(kit, [], { patterns: ["*"] });
  await settled();
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      kit.clock.advance(1_000);
      await settled();
    }
  };
  kit.refusal = NOT_FOUND;
  await pass(20);
  kit.refusal = undefined;
  await pass(12);
  await kit.append("a", JSON_TYPE, "[1]");
  await settled();
  deepEqual(seen, ["0", "1"]);
  kit.refusal = NOT_FOUND;
  await pass(90);
  const error = await ended;
  ok(error instanceof ClientError && error.code === "not_found", String(error));
});

Deno.test("a pattern that is none fails with the server's words", async () => {
  const kit = new TakenKit({ listing: true });
  const reading = async () => {
    for await (const _ of kit.client.live([], { patterns: ["a*"] })) { /* until it fails */ }
  };
  await rejects(reading(), { code: "bad_request", message: /a\*/ });
});

for (const isOffered of [true, false]) {
  const how = isOffered ? "by one connection" : "by connections of each stream's own";
  Deno.test(`a loop over live() goes on where the one before it was left, ${how}`, async () => {
    const kit = new TakenKit();
    if (!isOffered) kit.refusal = NOT_FOUND;
    await kit.make("a", { ...JSON_TYPE, ...CLOSE }, "[1,2,3]");
    await kit.make("b", { ...JSON_TYPE, ...CLOSE }, "[4,5]");
    const live = kit.client.live(["a", "b"]);
    const next = async () => {
      for await (const { message } of live) return message.text();
      return "the end";
    };
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) seen.push(await kit.until(next()));
    equal(seen.pop(), "the end");
    deepEqual(seen.sort(), ["1", "2", "3", "4", "5"]);
  });
}

Deno.test("a server whose connections only begin and end is asked for less and less often", async () => {
  const kit = new TakenKit();
  await kit.make("a", JSON_TYPE, "[0]");
  let asked = 0;
  kit.refusal = () => {
    asked++;
    const open = 'event: open\ndata:{"connection":"c","maxStreams":10}\n\n';
    return new Response(open, { headers: { "content-type": "text/event-stream" } });
  };
  const { ended, leave, seen } = follow(kit, ["a"], {});
  for (let i = 0; i < 600; i++) {
    await settle();
    kit.clock.advance(100);
  }
  ok(asked > 5 && asked < 60, `${asked} requests in a minute`);
  kit.refusal = undefined;
  for (let i = 0; i < 12; i++) {
    await settle();
    kit.clock.advance(1_000);
  }
  deepEqual(seen, ["0"]);
  leave();
  await ended;
});
