import { equal, match } from "node:assert/strict";
import { expectError, Fixture, header, JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** `time` and `tail` in the place of an offset (extensions). */

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

for (const place of ["time=0", "tail=3"]) {
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
    const start = place === "time=0" ? 0 : 2;
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

const TWO = ["offset=-1&time=0", "time=0&offset=now", "tail=1&offset=-1", "time=0&tail=1"];

for (const query of [...TWO, "time=0&time=0", "tail=1&tail=1", "offset=-1&offset=-1"]) {
  for (const live of ["", "&live=long-poll", "&live=sse"]) {
    Deno.test(`${query}${live}: 400, a read begins at one place`, async () => {
      const served = new Fixture();
      await served.make("a", TEXT, "hello");
      await expectError(
        await served.get(`a?${query}${live}`),
        400,
        "invalid_query",
        /The query has (\w+ and \w+|\w+ twice): a read begins at one offset, time or tail/,
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
