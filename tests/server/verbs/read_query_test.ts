import { deepEqual, equal, match } from "node:assert/strict";
import { expectError, Fixture, header, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** `time`, `tail` and `last` in the place of an offset, and `ordinals` (extensions). */

const BLOCK = 4096;

/** Three blocks of text, written a second apart; the times at which that was. */
async function threeBlocks(): Promise<{ served: Fixture; times: number[] }> {
  const served = new Fixture();
  await served.make("a", TEXT);
  const times: number[] = [];
  for (const letter of "xyz") {
    times.push(served.clock.nowMs());
    await served.append("a", TEXT, letter.repeat(BLOCK));
    served.clock.advance(1000);
  }
  return { served, times };
}

Deno.test("time: from the block that was written then, in ms and in RFC 3339", async () => {
  const { served, times } = await threeBlocks();
  for (const [i, ms] of times.entries()) {
    const iso = new Date(ms).toISOString();
    const expected = "xyz".slice(i).split("").map((letter) => letter.repeat(BLOCK)).join("");
    for (
      const time of [String(ms), iso, iso.replace("Z", "%2B00:00"), iso.replace("Z", "+00:00")]
    ) {
      const answer = await served.get(`a?time=${time}`);
      equal(answer.status, 200);
      equal(await answer.text(), expected, time);
      equal(answer.headers.get("stream-next-offset"), served.offset(3 * BLOCK));
      equal(answer.headers.get("stream-start-offset"), served.offset(i * BLOCK));
    }
  }
});

Deno.test("time: what lies between two blocks begins with the later one", async () => {
  const { served, times } = await threeBlocks();
  equal((await served.content(`a?time=${(times[0] ?? 0) + 1}`)).length, 2 * BLOCK);
});

Deno.test("time: before all it is the whole stream, in the future its tail", async () => {
  const { served } = await threeBlocks();
  for (const time of ["0", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"]) {
    equal((await served.content(`a?time=${time}`)).length, 3 * BLOCK);
  }
  for (const time of [String(Number.MAX_SAFE_INTEGER), "9999-12-31T23:59:59Z"]) {
    const answer = await served.get(`a?time=${time}`);
    equal(await answer.text(), "");
    equal(answer.headers.get("stream-up-to-date"), "true");
    equal(answer.headers.get("stream-next-offset"), served.offset(3 * BLOCK));
  }
});

Deno.test("tail: so many bytes of text before the tail, at most all", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello world");
  for (const [bytes, text] of [[5, "world"], [0, ""], [11, "hello world"], [99, "hello world"]]) {
    equal(await served.content(`a?tail=${bytes}`), text);
  }
  equal(header(await served.get("a?tail=5"), "stream-start-offset"), served.offset(6));
});

Deno.test("tail: JSON begins at the message that holds the byte, or behind it", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, `["a","bb","ccc"]`);
  // As stored: "a",⏎ "bb",⏎ "ccc",⏎ of 5, 6 and 7 bytes.
  for (
    const [bytes, json] of [
      [0, "[]"],
      [1, `["ccc"]`],
      [7, `["ccc"]`],
      [8, `["bb",\n"ccc"]`],
      [13, `["bb",\n"ccc"]`],
      [14, `["a",\n"bb",\n"ccc"]`],
      [1000, `["a",\n"bb",\n"ccc"]`],
    ] as const
  ) equal(await served.content(`a?tail=${bytes}`), json, `tail=${bytes}`);
});

for (const place of ["time=0", "tail=3", "last=1"]) {
  Deno.test(`a response to ${place} is kept by no cache and has no ETag`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT, "hello");
    const answer = await served.get(`a?${place}`, {
      "if-none-match": "*",
      origin: "http://localhost:3000",
    });
    equal(answer.status, 200);
    equal(answer.headers.get("cache-control"), "no-store");
    equal(answer.headers.get("etag"), null);
    match(header(answer, "access-control-expose-headers"), /Stream-Start-Offset/);
  });

  Deno.test(`${place} with long-poll: the data that is there, at once`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT, "hello");
    const answer = await served.get(`a?${place}&live=long-poll`);
    equal(answer.status, 200);
    equal("hello".endsWith(await answer.text()), true);
    equal(answer.headers.get("cache-control"), "no-store");
  });

  Deno.test(`${place} with SSE: from there on, and the response tells where that is`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT, "hello");
    const answer = await served.get(`a?${place}&live=sse`);
    const start = place === "tail=3" ? 2 : 0;
    equal(header(answer, "stream-next-offset"), served.offset(start));
    const sse = new SseConnection(answer);
    equal((await sse.frame()).data, "hello".slice(start));
    await served.append("a", TEXT, "!");
    equal((await sse.frame()).data, "!");
    await sse.cancel();
  });
}

Deno.test("time in the future with long-poll: what comes next, whatever its time", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const waiting = served.get(`a?time=${served.clock.nowMs() + 60_000}&live=long-poll`);
  await served.append("a", TEXT, "!");
  equal(await (await waiting).text(), "!");
});

const TWO = [
  "offset=-1&time=0",
  "time=0&offset=now",
  "tail=1&offset=-1",
  "time=0&tail=1",
  "last=1&tail=1",
];

for (
  const query of [...TWO, "time=0&time=0", "tail=1&tail=1", "last=1&last=1", "offset=-1&offset=-1"]
) {
  for (const live of ["", "&live=long-poll", "&live=sse"]) {
    Deno.test(`${query}${live}: 400, a read begins at one place`, async () => {
      const served = new Fixture();
      await served.make("a", TEXT, "hello");
      await expectError(
        await served.get(`a?${query}${live}`),
        400,
        "invalid_query",
        /The query has (\w+ and \w+|\w+ twice): a read begins at one offset, time, tail or last/,
      );
    });
  }
}

const BAD_TIMES = ["", "now", "yesterday", "-1", "1.5", "1e3", "2026-01-01", "2026-01-01T00:00:00"];

for (const time of [...BAD_TIMES, "2026-02-30T00:00:00Z", "9".repeat(20), "2026-01-01 00:00:00Z"]) {
  Deno.test(`time=${time}: 400 that says what is a time`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT, "hello");
    const target = `a?time=${encodeURIComponent(time)}`;
    await expectError(
      await served.get(target),
      400,
      "invalid_query",
      /expected RFC 3339 such as 2030/,
    );
  });
}

for (const last of ["", "-1", "1.5", "1e3", "all", "9".repeat(20)]) {
  Deno.test(`last=${last}: 400 that says what is a count`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT, "hello");
    await expectError(
      await served.get(`a?last=${last}`),
      400,
      "invalid_query",
      /expected how many messages/,
    );
  });
}

Deno.test("last: so many messages of JSON before the tail, at most all", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, `[1,"two",[3]]`);
  await served.append("a", JSON_TYPE, "4");
  const answers = [[0, "[]"], [1, "[4]"], [2, "[[3],\n4]"], [9, `[1,\n"two",\n[3],\n4]`]] as const;
  for (const [count, json] of answers) equal(await served.content(`a?last=${count}`), json);
  equal(header(await served.get("a?last=2"), "stream-start-offset"), served.offset(10));
});

Deno.test("last: in text a message is an append, and the block of the first one is read whole", async () => {
  const { served } = await threeBlocks();
  await served.append("a", TEXT, "one");
  await served.append("a", TEXT, "two");
  equal(await served.content("a?last=1"), "onetwo");
  equal(await served.content("a?last=2"), "onetwo");
  equal(await served.content("a?last=3"), `${"z".repeat(BLOCK)}onetwo`);
  equal((await served.content("a?last=9")).length, 3 * BLOCK + 6);
});

Deno.test("ordinals: how many messages come before the next offset, and when the last of them came", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, "[1,2]");
  const bare = await served.get("a?offset=-1&ordinals=true");
  const madeMs = served.clock.nowMs();
  equal(header(bare, "stream-next-ordinal"), "2");
  equal(header(bare, "stream-last-time"), new Date(madeMs).toISOString());
  served.clock.advance(1000);
  await served.append("a", JSON_TYPE, "3");
  const last = await served.get("a?last=1&ordinals=true", { origin: "http://localhost:3000" });
  equal(await last.text(), "[3]");
  equal(header(last, "stream-next-ordinal"), "3");
  equal(header(last, "stream-last-time"), new Date(madeMs + 1000).toISOString());
  match(header(last, "access-control-expose-headers"), /Stream-Next-Ordinal, Stream-Last-Time/);
  const head = await served.head("a?ordinals=true");
  equal(header(head, "stream-next-ordinal"), "3");
  equal((await served.head("a")).headers.get("stream-next-ordinal"), null);
  equal((await served.get("a?offset=-1")).headers.get("stream-next-ordinal"), null);
  const poll = await served.get("a?offset=-1&live=long-poll&ordinals=true");
  equal(header(poll, "stream-next-ordinal"), "3");
  await served.make("none", TEXT);
  const none = await served.get("none?offset=-1&ordinals=true");
  equal(header(none, "stream-next-ordinal"), "0");
  equal(none.headers.get("stream-last-time"), null);
});

Deno.test("ordinals over SSE stand in the control events of those who ask for them", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  const plain = new SseConnection(await served.get("a?offset=-1&live=sse"));
  const counted = new SseConnection(await served.get("a?last=1&live=sse&ordinals=true"));
  const ordinals = async (sse: SseConnection) => {
    const { control } = await sse.frame();
    return [control.streamNextOrdinal, control.streamLastTime];
  };
  const at = () => new Date(served.clock.nowMs()).toISOString();
  deepEqual(await ordinals(plain), [undefined, undefined]);
  deepEqual(await ordinals(counted), [1, at()]);
  served.clock.advance(1000);
  await served.append("a", TEXT, " world");
  deepEqual(await ordinals(plain), [undefined, undefined]);
  deepEqual(await ordinals(counted), [2, at()]);
  await plain.cancel();
  await counted.cancel();
});

Deno.test("ordinals=yes: 400 that says what it may be", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  for (const live of ["", "&live=sse"]) {
    const answer = await served.get(`a?offset=-1&ordinals=yes${live}`);
    await expectError(answer, 400, "invalid_query", /neither true nor false/);
  }
});

Deno.test("a storage that counts no messages answers 501 to who asks for them", async () => {
  const counting = createMemoryStorage();
  const { identity, status } = counting;
  const storage: Storage = {
    identity,
    create: (...args) => counting.create(...args),
    append: (...args) => counting.append(...args),
    delete: (...args) => counting.delete(...args),
    head: (...args) => counting.head(...args),
    read: (...args) => counting.read(...args),
    list: (...args) => counting.list(...args),
    watch: (...args) => counting.watch(...args),
    status: () => status.call(counting),
    close: () => counting.close(),
  };
  const served = new Fixture({ storage });
  await served.make("a", TEXT, "hello");
  for (const live of ["", "&live=long-poll", "&live=sse"]) {
    const answer = await served.get(`a?offset=-1&ordinals=true${live}`);
    await expectError(answer, 501, "ordinals_unsupported", /doesn't count messages/);
  }
  equal((await served.head("a?ordinals=true")).status, 501);
});

for (const tail of ["", "-1", "1.5", "1e3", "now", "4KiB", "9".repeat(20)]) {
  Deno.test(`tail=${tail}: 400 that says what is a length`, async () => {
    const served = new Fixture();
    await served.make("a", TEXT, "hello");
    await expectError(
      await served.get(`a?tail=${tail}`),
      400,
      "invalid_query",
      /expected how many bytes/,
    );
  });
}

Deno.test("time and tail of a stream that isn't there: 404", async () => {
  const served = new Fixture();
  await expectError(await served.get("a?time=0"), 404, "not_found");
  await expectError(await served.get("a?tail=0"), 404, "not_found");
});

Deno.test("a read of now tells where it begins, too", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  equal(header(await served.get("a?offset=now"), "stream-start-offset"), served.offset(5));
  for (const target of ["a", "a?offset=-1"]) {
    equal(header(await served.get(target), "stream-start-offset"), served.offset(0));
  }
  const known = await served.get(`a?offset=${served.offset(0)}`);
  equal(known.headers.get("stream-start-offset"), null);
});
