import { deepEqual, equal } from "node:assert/strict";
import {
  CLOSE,
  expectError,
  type Fields,
  Fixture,
  JSON_TYPE,
  TEXT,
} from "../../support/fixture.ts";
import { SseConnection } from "../../support/sse_connection.ts";

/** The headers of forks (PROTOCOL §4.2); what a fork is, tests/contract/forks.ts asks of every storage. */

function from(source: string): Fields {
  return { "stream-forked-from": `/v1/stream/${source}` };
}

/** With an offset of the source, which is the stream that was made first. */
function fromAt(served: Fixture, source: string, at: number, subOffset?: number | string): Fields {
  return {
    ...from(source),
    "stream-fork-offset": served.offset(at),
    ...(subOffset === undefined ? {} : { "stream-fork-sub-offset": String(subOffset) }),
  };
}

/** A source of two appends, `hello` and `world`. */
async function withSource(headers: Fields = {}): Promise<Fixture> {
  const served = new Fixture();
  await served.make("src", { ...TEXT, ...headers }, "hello");
  await served.append("src", TEXT, "world");
  return served;
}

async function withJsonSource(): Promise<Fixture> {
  const served = new Fixture();
  await served.make("src", JSON_TYPE, "[1,2]");
  await served.append("src", JSON_TYPE, "[3,4]");
  return served;
}

Deno.test("a fork without an offset: all of the source's data, its type, and open", async () => {
  const served = await withSource();
  const answer = await served.put("f", from("src"));
  equal(answer.status, 201);
  equal(answer.headers.get("content-type"), "text/plain");
  equal(answer.headers.get("stream-next-offset"), served.offset(10));
  equal(answer.headers.get("stream-closed"), null);
  equal(answer.headers.get("location"), "http://localhost/v1/stream/f");
  equal(await served.content("f"), "helloworld");
});

Deno.test("a fork at an offset: the data before it, its source's offsets up to there and its own behind", async () => {
  const served = await withSource();
  await served.make("f", fromAt(served, "src", 5));
  equal(await served.append("f", TEXT, "fork"), served.offset(9, 2));
  equal((await served.get(`f?offset=${served.offset(9)}`)).status, 410);
  equal(await served.content("f"), "hellofork");
  equal(await served.content(`f?offset=${served.offset(5)}`), "fork");
  equal(await served.content(`f?offset=${served.offset(3)}`), "lofork");
  equal(await served.content("src"), "helloworld");
});

for (const token of ["-1", "minted", "0000000000000000_0000000000000000"]) {
  Deno.test(`a fork at the start, ${token}: nothing is inherited`, async () => {
    const served = await withSource();
    const at = token === "minted" ? served.offset(0) : token;
    await served.make("f", { ...from("src"), "stream-fork-offset": at });
    equal(await served.content("f"), "");
    equal(await served.append("f", TEXT, "x"), served.offset(1, 2));
  });
}

Deno.test("a fork with a body: it comes after what is inherited", async () => {
  const served = await withSource();
  equal(
    await served.make("f", { ...fromAt(served, "src", 5), ...TEXT }, "own"),
    served.offset(8, 2),
  );
  equal(await served.content("f"), "helloown");
});

Deno.test("a fork of JSON: inherited and own messages in one array", async () => {
  const served = await withJsonSource();
  await served.make("f", from("src"));
  await served.append("f", JSON_TYPE, "5");
  deepEqual(await (await served.get("f")).json(), [1, 2, 3, 4, 5]);
});

Deno.test("a fork of a closed stream is open, and may be made closed", async () => {
  const served = await withSource();
  await served.append("src", CLOSE, undefined);
  const open = await served.put("f", from("src"));
  equal(open.headers.get("stream-closed"), null);
  const closed = await served.put("g", { ...from("src"), ...CLOSE });
  equal(closed.headers.get("stream-closed"), "true");
});

Deno.test("a sub-offset counts bytes, and messages in JSON", async () => {
  const text = await withSource();
  equal(await text.make("f", fromAt(text, "src", 5, 2)), text.offset(7));
  equal(await text.content("f"), "hellowo");
  const json = await withJsonSource();
  await json.make("f", fromAt(json, "src", 0, 3));
  equal(await json.content("f"), "[1,\n2,\n3]");
});

type Sent = Fields | ((served: Fixture) => Fields);

const REFUSED: readonly (readonly [string, Sent, number, string, RegExp])[] = [
  ["a source that isn't there", from("none"), 404, "not_found", /no stream "none"/],
  [
    "an offset past the source's tail",
    (served) => fromAt(served, "src", 11),
    400,
    "invalid_fork",
    /-0{14}11 is past the source's tail, \w{8}-0{14}10/,
  ],
  [
    "a malformed offset",
    { ...from("src"), "stream-fork-offset": "5" },
    400,
    "invalid_offset",
    /Stream-Fork-Offset "5" is malformed/,
  ],
  [
    "the offset now",
    { ...from("src"), "stream-fork-offset": "now" },
    400,
    "invalid_offset",
    /malformed/,
  ],
  [
    "a sub-offset past the data",
    (served) => fromAt(served, "src", 5, 6),
    400,
    "invalid_fork",
    /Sub-Offset 6 goes past.*5 bytes/,
  ],
  [
    "a sub-offset at the tail",
    (served) => fromAt(served, "src", 10, 1),
    400,
    "invalid_fork",
    /Sub-Offset 1 goes past.*0 bytes/,
  ],
  [
    "a sub-offset beside no offset",
    { ...from("src"), "stream-fork-sub-offset": "1" },
    400,
    "invalid_fork",
    /needs Stream-Fork-Offset/,
  ],
  ...["-1", "+1", "01", "1.5", "abc", "", "9007199254740993"].map((value) =>
    [
      `the sub-offset "${value}"`,
      (served: Fixture) => fromAt(served, "src", 0, value),
      400,
      "invalid_fork",
      /Sub-Offset ".*" is not a count: expected a decimal integer/,
    ] as const
  ),
  [
    "another content type",
    { ...from("src"), ...JSON_TYPE },
    409,
    "content_type_mismatch",
    /"application\/json" differs from the source's, text\/plain/,
  ],
  [
    "an offset but no source",
    (served) => ({ "stream-fork-offset": served.offset(0) }),
    400,
    "invalid_fork",
    /need Stream-Forked-From/,
  ],
  [
    "a sub-offset but no source",
    { "stream-fork-sub-offset": "1" },
    400,
    "invalid_fork",
    /need Stream-Forked-From/,
  ],
  [
    "a source on another server",
    { "stream-forked-from": "http://other.test/v1/stream/src" },
    400,
    "invalid_fork",
    /not a path on this server/,
  ],
  [
    "a source outside of the prefix",
    { "stream-forked-from": "/src" },
    400,
    "invalid_fork",
    /begin with \/v1\/stream\//,
  ],
  [
    "a source whose name is reserved",
    { "stream-forked-from": "/v1/stream/__ds/x" },
    400,
    "invalid_name",
    /reserved/,
  ],
  ["an empty source", { "stream-forked-from": "/v1/stream/" }, 400, "invalid_name", /empty/],
  ["a bad TTL", { ...from("src"), "stream-ttl": "x" }, 400, "invalid_header", /Stream-TTL/],
  ["itself as the source", from("f"), 404, "not_found", /no stream "f"/],
];

for (const [title, headers, status, code, message] of REFUSED) {
  Deno.test(`a fork with ${title}: ${status}, no fork and no reference on the source`, async () => {
    const served = await withSource();
    const sent = typeof headers === "function" ? headers(served) : headers;
    await expectError(await served.put("f", sent), status, code, message);
    equal((await served.head("f")).status, 404);
    equal((await served.delete("src")).status, 204);
    equal((await served.get("src")).status, 404);
  });
}

Deno.test("a fork whose first content isn't valid JSON: 400, no fork and no reference", async () => {
  const served = await withJsonSource();
  await expectError(
    await served.put("f", { ...from("src"), ...JSON_TYPE }, "{"),
    400,
    "invalid_json",
  );
  equal((await served.head("f")).status, 404);
  await served.delete("src");
  equal((await served.get("src")).status, 404);
});

const SPELLINGS = [
  "/v1/stream/a%2Fb",
  "/v1/stream/a/b",
  "/v1/streams/a/b",
  "http://localhost/v1/stream/a/b",
];

for (const spelling of SPELLINGS) {
  Deno.test(`Stream-Forked-From: ${spelling} names the stream a/b`, async () => {
    const served = new Fixture();
    await served.make("a/b", TEXT, "hello");
    await served.make("f", { "stream-forked-from": spelling });
    equal(await served.content("f"), "hello");
  });
}

Deno.test("the same fork again: 200, however the source is spelled and after its appends", async () => {
  const served = await withSource();
  for (const headers of [fromAt(served, "src", 5), fromAt(served, "src", 5, 2), from("src")]) {
    const name = `f${JSON.stringify(headers).length}`;
    await served.make(name, headers);
    await served.append(name, TEXT, "x");
    await served.append("src", TEXT, "y");
    const again = await served.put(name, headers);
    equal(again.status, 200);
    const spelled = { ...headers, "stream-forked-from": "/v1/streams/src", ...TEXT };
    equal((await served.put(name, spelled)).status, 200);
  }
});

Deno.test("a fork under the name of a stream that is no fork: 409, no reference on the source", async () => {
  const served = await withSource();
  await served.make("f", TEXT);
  await expectError(
    await served.put("f", from("src")),
    409,
    "stream_exists",
    /another fork origin/,
  );
  await served.delete("src");
  equal((await served.get("src")).status, 404);
});

Deno.test("SSE of a fork: inherited data, own data, and nothing of the source's later", async () => {
  const served = await withSource();
  await served.make("f", fromAt(served, "src", 5));
  await served.append("f", TEXT, "F");
  const sse = new SseConnection(await served.get("f?offset=-1&live=sse"));
  equal((await sse.frame()).data, "helloF");
  await served.append("src", TEXT, "S");
  await served.append("f", TEXT, "G");
  equal((await sse.frame()).data, "G");
  await sse.cancel();
});
