import { deepEqual, equal, match, ok } from "node:assert/strict";
import {
  BINARY,
  CLOSE,
  expectError,
  type Fields,
  Fixture,
  header,
  JSON_TYPE,
  settle,
  TEXT,
} from "../../support/fixture.ts";

/** What becomes of a stream's older messages, over HTTP: all of it an extension. */

function before(value: string): Fields {
  return { "stream-trim-before": value };
}

function keeping(value: string): Fields {
  return { "stream-retention": value };
}

async function counting(): Promise<Fixture> {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, "[1,2,3]");
  return served;
}

/** The positions behind its messages. */
const AFTER_1 = 3;
const AFTER_2 = 6;
const TAIL = 9;

Deno.test("PATCH trims before an offset: 204 says the earliest one that is left and the tail", async () => {
  const served = await counting();
  const answer = await served.send("PATCH", "a", before(served.offset(AFTER_2)));
  equal(answer.status, 204);
  equal(header(answer, "stream-earliest-offset"), served.offset(AFTER_2));
  equal(header(answer, "stream-next-offset"), served.offset(TAIL));
  equal(answer.headers.get("stream-retention"), null);
  equal(header(answer, "cache-control"), "no-store");
  equal(await served.content("a"), "[3]");
});

Deno.test("of a trimmed stream -1 and no offset mean what is left, and all answers name where that begins", async () => {
  const served = await counting();
  equal((await served.head("a")).headers.get("stream-earliest-offset"), null);
  equal((await served.get("a")).headers.get("stream-earliest-offset"), null);
  await served.send("PATCH", "a", before(served.offset(AFTER_1)));
  for (const target of ["a", "a?offset=-1", "a?tail=1000", "a?last=9", "a?time=0"]) {
    const answer = await served.get(target);
    equal(answer.status, 200, target);
    equal(header(answer, "stream-earliest-offset"), served.offset(AFTER_1));
    equal(header(answer, "stream-start-offset"), served.offset(AFTER_1));
    equal(await answer.text(), "[2,\n3]");
  }
  const head = await served.head("a");
  equal(header(head, "stream-earliest-offset"), served.offset(AFTER_1));
  equal(header(head, "stream-next-offset"), served.offset(TAIL));
});

Deno.test("live answers of a trimmed stream name its earliest offset, too", async () => {
  const served = await counting();
  await served.send("PATCH", "a", before(served.offset(AFTER_2)));
  await served.append("a", CLOSE, undefined);
  const statuses: number[] = [];
  for (const query of ["offset=now&live=long-poll", "offset=-1&live=sse", "offset=now&live=sse"]) {
    const answer = await served.get(`a?${query}`);
    statuses.push(answer.status);
    equal(header(answer, "stream-earliest-offset"), served.offset(AFTER_2), query);
    await answer.body?.cancel();
  }
  deepEqual(statuses, [204, 200, 200]);
});

for (const live of ["", "&live=long-poll", "&live=sse"]) {
  Deno.test(`an offset that was trimmed is 410 with the earliest one${live}`, async () => {
    const served = await counting();
    await served.send("PATCH", "a", before(served.offset(AFTER_2)));
    for (const position of [0, AFTER_1]) {
      const answer = await served.get(`a?offset=${served.offset(position)}${live}`);
      equal(header(answer, "stream-earliest-offset"), served.offset(AFTER_2));
      await expectError(
        answer,
        410,
        "offset_trimmed",
        /was trimmed: the earliest that can be read is/,
      );
    }
    const kept = await served.get(`a?offset=${served.offset(AFTER_2)}`);
    equal(await kept.text(), "[3]");
  });
}

Deno.test("a trimmed offset is no place for a fork: 410", async () => {
  const served = await counting();
  await served.send("PATCH", "a", before(served.offset(AFTER_2)));
  const fork = { "stream-forked-from": "/v1/stream/a" };
  const answer = await served.put("f", { ...fork, "stream-fork-offset": served.offset(AFTER_1) });
  await expectError(answer, 410, "offset_trimmed");
  equal((await served.put("f", fork)).status, 201);
  equal(await served.content("f"), "[3]");
});

Deno.test("ordinals go on counting from the very first message", async () => {
  const served = await counting();
  await served.send("PATCH", "a", before(served.offset(AFTER_2)));
  const answer = await served.get("a?ordinals=true");
  equal(header(answer, "stream-next-ordinal"), "3");
});

Deno.test("trimming again, and before what is gone, changes nothing and says what is so", async () => {
  const served = await counting();
  for (const value of [served.offset(AFTER_2), served.offset(AFTER_2), served.offset(0), "-1"]) {
    const answer = await served.send("PATCH", "a", before(value));
    equal(answer.status, 204);
    equal(header(answer, "stream-earliest-offset"), served.offset(AFTER_2));
  }
});

Deno.test("trimming before now leaves nothing, of a closed stream too, and it stays closed", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...CLOSE }, "secret");
  const answer = await served.send("PATCH", "a", before("now"));
  equal(header(answer, "stream-earliest-offset"), served.offset(6));
  const read = await served.get("a");
  equal(read.headers.get("stream-closed"), "true");
  equal(await read.text(), "");
});

Deno.test("trimming before a time keeps what was written since", async () => {
  const served = new Fixture();
  await served.make("a", BINARY, new Uint8Array(5000));
  served.clock.advance(60_000);
  const since = new Date(served.clock.nowMs()).toISOString();
  await served.append("a", BINARY, new Uint8Array(5000));
  const answer = await served.send("PATCH", "a", before(since));
  equal(header(answer, "stream-earliest-offset"), served.offset(5000));
});

const BAD: readonly (readonly [string, Fields, number, string, RegExp])[] = [
  [
    "nothing to change",
    {},
    400,
    "invalid_header",
    /expected Stream-Retention, .*Stream-Trim-Before/,
  ],
  ["no offset", before("yesterday"), 400, "invalid_header", /"yesterday" is neither an offset/],
  ["an empty place", before(""), 400, "invalid_header", /Stream-Trim-Before "" is neither/],
  ["a time to come", before("9999-01-31T12:00:00Z"), 400, "invalid_header", /in the future/],
  ["a time without zone", before("2026-01-01T00:00:00"), 400, "invalid_header", /nor a time/],
  ["a bad retention", keeping("age=7d"), 400, "invalid_header", /has "age=7d": expected age=/],
];

for (const [title, headers, status, code, says] of BAD) {
  Deno.test(`PATCH with ${title} is ${status}, and nothing changes`, async () => {
    const served = await counting();
    await expectError(await served.send("PATCH", "a", headers), status, code, says);
    equal(await served.content("a"), "[1,\n2,\n3]");
  });
}

Deno.test("PATCH before a place that no message ends at, or past the tail, or of another stream is refused", async () => {
  const served = await counting();
  const patch = (offset: string) => served.send("PATCH", "a", before(offset));
  await expectError(await patch(served.offset(4)), 400, "invalid_offset");
  await expectError(await patch(served.offset(TAIL + 1)), 400, "offset_past_tail");
  await expectError(await patch(served.offset(AFTER_1, 7)), 410, "offset_gone");
  await expectError(await served.send("PATCH", "b", before("now")), 404, "not_found");
  await expectError(await served.send("PATCH", "b", keeping("bytes=1")), 404, "not_found");
});

Deno.test("a retention is given at create, shown by HEAD and GET, changed and taken away by PATCH", async () => {
  const served = new Fixture();
  const asked = "messages=10,bytes=1000000, age=604800";
  const made = await served.put("a", { ...TEXT, ...keeping(asked) });
  equal(made.status, 201);
  const text = "age=604800, bytes=1000000, messages=10";
  for (const answer of [made, await served.head("a"), await served.get("a")]) {
    equal(answer.headers.get("stream-retention"), text);
  }
  const changed = await served.send("PATCH", "a", keeping("to-snapshot"));
  equal(changed.headers.get("stream-retention"), "to-snapshot");
  equal((await served.head("a")).headers.get("stream-retention"), "to-snapshot");
  const none = await served.send("PATCH", "a", keeping(""));
  equal(none.status, 204);
  equal(none.headers.get("stream-retention"), null);
  equal((await served.head("a")).headers.get("stream-retention"), null);
});

Deno.test("a create that says no retention finds the stream, whatever it has; one that says another is 409", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...keeping("bytes=5") });
  equal((await served.put("a", TEXT)).status, 200);
  equal((await served.put("a", { ...TEXT, ...keeping("bytes=5") })).status, 200);
  await expectError(
    await served.put("a", { ...TEXT, ...keeping("bytes=6") }),
    409,
    "stream_exists",
  );
});

Deno.test("a fork has its source's retention only where it asks for that", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, ...keeping("bytes=5") });
  const fork = { "stream-forked-from": "/v1/stream/a" };
  await served.make("plain", fork);
  await served.make("same", { ...fork, ...keeping("inherit") });
  equal((await served.head("plain")).headers.get("stream-retention"), null);
  equal((await served.head("same")).headers.get("stream-retention"), "bytes=5");
  await expectError(
    await served.put("b", { ...TEXT, ...keeping("inherit") }),
    400,
    "invalid_header",
    /needs Stream-Forked-From/,
  );
});

Deno.test("retention by bytes lets go of what is old by itself, in whole blocks", async () => {
  const served = new Fixture();
  await served.make("a", { ...BINARY, ...keeping("bytes=8192") });
  for (let i = 0; i < 10; i++) await served.append("a", BINARY, new Uint8Array(4096));
  await settle();
  const earliest = header(await served.head("a"), "stream-earliest-offset");
  const position = Number(earliest.slice(9));
  ok(position > 0 && position <= 10 * 4096 - 8192, earliest);
});

Deno.test("what may be trimmed isn't served stale by a cache, and a 304 doesn't hide that it is gone", async () => {
  const served = await counting();
  const first = await served.get("a?offset=" + served.offset(0));
  match(header(first, "cache-control"), /max-age=60, stale-while-revalidate=300/);
  const etag = header(first, "etag");
  await served.send("PATCH", "a", before(served.offset(AFTER_1)));
  const again = await served.get(`a?offset=${served.offset(0)}`, { "if-none-match": etag });
  await expectError(again, 410, "offset_trimmed");
  const start = await served.get("a?offset=-1", { "if-none-match": etag });
  equal(start.status, 200);
  equal(header(start, "cache-control"), "public, max-age=60");
  await served.make("kept", { ...TEXT, ...keeping("bytes=5") }, "hello");
  equal(header(await served.get("kept"), "cache-control"), "public, max-age=60");
});

Deno.test("a listing says where a trimmed stream begins", async () => {
  const served = new Fixture({ listing: true });
  await served.make("a", JSON_TYPE, "[1,2,3]");
  await served.send("PATCH", "a", before(served.offset(AFTER_1)));
  await served.make("b", TEXT);
  const { streams } = await (await served.get("/v1/stream/__ds/streams")).json();
  deepEqual(streams.map(({ earliestOffset }: { earliestOffset?: string }) => earliestOffset), [
    served.offset(AFTER_1),
    undefined,
  ]);
});

Deno.test("a storage that keeps all of every stream: 501, at create too", async () => {
  const limited = new Fixture();
  Object.defineProperty(limited.storage, "update", { value: undefined });
  await limited.make("a", TEXT, "hello");
  for (const headers of [keeping("bytes=1"), before("now")]) {
    const answer = await limited.send("PATCH", "a", headers);
    await expectError(answer, 501, "retention_unsupported", /keeps all of every stream/);
  }
  const answer = await limited.put("b", { ...TEXT, ...keeping("bytes=1") });
  await expectError(answer, 501, "retention_unsupported");
  equal((await limited.head("b")).status, 404);
});
