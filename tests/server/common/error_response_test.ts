import { equal } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import {
  type Body,
  CLOSE,
  expectError,
  type Fields,
  Fixture,
  JSON_TYPE,
  TEXT,
} from "../../support/fixture.ts";

/** Bad input, and what it gets: nothing of a refused request is kept. */

/** Two streams of two bytes in one message, `t` of text and `j` of JSON. */
async function served(): Promise<Fixture> {
  const fixture = new Fixture();
  await fixture.make("t", TEXT, "ok");
  await fixture.make("j", JSON_TYPE, "[1]");
  return fixture;
}

/** Checks that the streams are as they were made, and that there is no other. */
async function checkUntouched(fixture: Fixture): Promise<void> {
  equal(await fixture.content("t"), "ok");
  equal(await fixture.content("j"), "[1]");
  for (const name of ["t", "j"]) {
    equal((await fixture.head(name)).headers.get("stream-closed"), null);
    equal((await fixture.delete(name)).status, 204);
  }
  equal((await fixture.head("new")).status, 404);
}

interface InvalidRequest {
  title: string;
  method: string;
  target: string | ((fixture: Fixture) => string);
  headers?: Fields;
  body?: Body;
  status: number;
  code: string;
  says: RegExp;
}

function check({ title, method, target, headers, body, status, code, says }: InvalidRequest): void {
  Deno.test(`${method} with ${title}: ${status} ${code}, nothing kept`, async () => {
    const fixture = await served();
    const targetOf = typeof target === "function" ? target : () => target;
    await expectError(
      await fixture.send(method, targetOf(fixture), headers, body),
      status,
      code,
      says,
    );
    await checkUntouched(fixture);
  });
}

const MALFORMED_OFFSETS = [
  "",
  "abc",
  "0",
  "-2",
  "1.5",
  "0000000a-0000000000000001,2",
  "0000000A-0000000000000001",
  "%00",
  "NOW",
];

for (const token of MALFORMED_OFFSETS) {
  for (const live of ["", "&live=long-poll", "&live=sse"]) {
    check({
      title: `the offset "${token}"${live}`,
      method: "GET",
      target: `t?offset=${token}${live}`,
      status: 400,
      code: "invalid_offset",
      says: /The offset ".*" is malformed: use a Stream-Next-Offset value of the stream/,
    });
  }
}

for (const live of ["", "&live=long-poll", "&live=sse"]) {
  check({
    title: `an offset that doesn't name its stream${live}`,
    method: "GET",
    target: `t?offset=00000000000000000002${live}`,
    status: 400,
    code: "invalid_offset",
    says:
      /"0{19}2" is one of an earlier version.*: use a Stream-Next-Offset value.* -1 for the start/,
  });
  check({
    title: `another stream's offset${live}`,
    method: "GET",
    target: (fixture) => `t?offset=${fixture.offset(2, 2)}${live}`,
    status: 410,
    code: "offset_gone",
    says: /-0{15}2" belongs to an earlier stream of this name.* or to another stream: begin at -1/,
  });
  check({
    title: `an offset past the tail${live}`,
    method: "GET",
    target: (fixture) => `t?offset=${fixture.offset(3)}${live}`,
    status: 400,
    code: "offset_past_tail",
    says: /offset \w{8}-0{15}3 is past the stream's tail, \w{8}-0{15}2/,
  });
  check({
    title: `two offsets${live}`,
    method: "GET",
    target: `t?offset=-1&offset=-1${live}`,
    status: 400,
    code: "invalid_query",
    says: /offset twice: a read begins at one/,
  });
  check({
    title: `an offset inside a JSON message${live}`,
    method: "GET",
    target: (fixture) => `j?offset=${fixture.offset(1, 2)}${live}`,
    status: 400,
    code: "invalid_offset",
    says: /-0{15}1 is inside a message: use a Stream-Next-Offset value/,
  });
}

for (const live of ["long-poll", "sse"]) {
  check({
    title: `live=${live} and no offset`,
    method: "GET",
    target: `t?live=${live}`,
    status: 400,
    code: "invalid_query",
    says: /needs an offset: -1 for the start, now for the tail/,
  });
}

for (const live of ["", "true", "SSE", "websocket"]) {
  check({
    title: `live=${live}`,
    method: "GET",
    target: `t?offset=-1&live=${live}`,
    status: 400,
    code: "invalid_query",
    says: /live=".*" is not a way to read: expected long-poll or sse/,
  });
}

for (const ttl of ["-1", "+1", "01", "1.0", "1e3", "abc", ""]) {
  check({
    title: `the TTL "${ttl}"`,
    method: "PUT",
    target: "new",
    headers: { ...TEXT, "stream-ttl": ttl },
    status: 400,
    code: "invalid_header",
    says: /Stream-TTL ".*" is not a number of seconds: expected a decimal integer/,
  });
}

for (const time of ["tomorrow", "2030-02-30T00:00:00Z", "1900000000", ""]) {
  check({
    title: `the expiry "${time}"`,
    method: "PUT",
    target: "new",
    headers: { ...TEXT, "stream-expires-at": time },
    status: 400,
    code: "invalid_header",
    says: /Stream-Expires-At ".*" is not an RFC 3339 time such as 2030/,
  });
}

check({
  title: "a TTL and an expiry",
  method: "PUT",
  target: "new",
  headers: { ...TEXT, "stream-ttl": "60", "stream-expires-at": "2030-01-01T00:00:00Z" },
  status: 400,
  code: "invalid_header",
  says: /both given: a stream has one or the other/,
});

for (const type of ["", "text", "text/plain, text/html", "a b/c"]) {
  check({
    title: `the content type "${type}"`,
    method: "PUT",
    target: "new",
    headers: { "content-type": type },
    status: 400,
    code: "invalid_header",
    says: /Content-Type ".*" is not a media type: expected type\/subtype/,
  });
}

for (const headers of [TEXT, { ...TEXT, ...CLOSE }]) {
  const closing = headers === TEXT ? "" : " and Stream-Closed";
  check({
    title: `another content type${closing}`,
    method: "POST",
    target: "t",
    headers: { ...headers, "content-type": "text/html" },
    body: "x",
    status: 409,
    code: "content_type_mismatch",
    says: /Content-Type "text\/html" differs from the stream's, text\/plain/,
  });
  check({
    title: `a body but no content type${closing}`,
    method: "POST",
    target: "t",
    headers: closing === "" ? {} : CLOSE,
    body: encodeUtf8("x"),
    status: 400,
    code: "invalid_header",
    says: /Content-Type is missing.*text\/plain/,
  });
}

const EMPTY: readonly (readonly [string, Fields, Body])[] = [
  ["no body", TEXT, undefined],
  ["an empty body", TEXT, ""],
  ["content-length 0", { ...TEXT, "content-length": "0" }, undefined],
  ["an empty chunked body", TEXT, ReadableStream.from([])],
  ["no body and Stream-Closed: false", { ...TEXT, "stream-closed": "false" }, undefined],
];

for (const [title, headers, body] of EMPTY) {
  check({
    title,
    method: "POST",
    target: "t",
    headers,
    body,
    status: 400,
    code: "empty_body",
    says: /needs at least one byte, a close Stream-Closed: true/,
  });
}

check({
  title: "an empty JSON array",
  method: "POST",
  target: "j",
  headers: JSON_TYPE,
  body: " [] ",
  status: 400,
  code: "invalid_json",
  says: /empty JSON array: an append holds at least one message/,
});

check({
  title: "an empty JSON array and Stream-Closed",
  method: "POST",
  target: "j",
  headers: { ...JSON_TYPE, ...CLOSE },
  body: "[]",
  status: 400,
  code: "invalid_json",
  says: /empty JSON array/,
});

const BAD_JSON: readonly (readonly [string, Body, RegExp])[] = [
  ["invalid JSON", `{"a":`, /The body is not valid JSON: .+/],
  ["a valid message before an invalid one", `[{"a":1},{"a":}]`, /not valid JSON/],
  ["two values", "1 2", /not valid JSON/],
  ["white space alone", " \n", /not valid JSON/],
  ["JSON nested too deeply", "[".repeat(513) + "]".repeat(513), /nests deeper than 512 levels/],
  ["JSON that isn't UTF-8", Uint8Array.of(0x22, 0xe9, 0x22), /it is not UTF-8/],
  ["JSON in UTF-16", Uint8Array.of(0xff, 0xfe, 0x31, 0), /it is UTF-16, and has to be UTF-8/],
  [
    "JSON with a byte order mark",
    encodeUtf8("\ufeff1"),
    /begins with a byte order mark \(EF BB BF\): send it without/,
  ],
];

for (const [title, body, says] of BAD_JSON) {
  check({
    title,
    method: "POST",
    target: "j",
    headers: JSON_TYPE,
    body,
    status: 400,
    code: "invalid_json",
    says,
  });
  check({
    title,
    method: "PUT",
    target: "new",
    headers: JSON_TYPE,
    body,
    status: 400,
    code: "invalid_json",
    says,
  });
}

check({
  title: "a Stream-Seq of over 1,024 bytes",
  method: "POST",
  target: "t",
  headers: { ...TEXT, "stream-seq": "1".repeat(1025) },
  body: "x",
  status: 400,
  code: "invalid_header",
  says: /Stream-Seq has 1025 bytes: at most 1024/,
});

check({
  title: "a Content-Type of an append of over 1,024 bytes",
  method: "POST",
  target: "t",
  headers: { "content-type": `text/plain; a=${"1".repeat(1011)}` },
  body: "x",
  status: 400,
  code: "invalid_header",
  says: /Content-Type has 1025 bytes: at most 1024/,
});

for (const method of ["TRACE_", "PROPFIND", "get_"]) {
  Deno.test(`${method}: 405 with Allow`, async () => {
    const fixture = await served();
    const answer = await fixture.send(method, "t");
    equal(answer.headers.get("allow"), "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS");
    await expectError(
      answer,
      405,
      "method_not_allowed",
      /method ".*": expected one of GET, HEAD, PUT/,
    );
    await checkUntouched(fixture);
  });
}
