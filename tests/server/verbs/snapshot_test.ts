import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { createApp } from "../../../src/server/app.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { GuardedFixture } from "../access/authority.ts";
import {
  type Body,
  expectError,
  type Fields,
  Fixture,
  header,
  JSON_TYPE,
  TEXT,
} from "../../support/fixture.ts";

const STATE: Fields = { "content-type": "application/x-state" };

async function fixture(): Promise<Fixture> {
  const served = new Fixture();
  await served.make("a", TEXT, "hello");
  return served;
}

function put(served: Fixture, offset: string, body: Body = "state", fields = STATE) {
  return served.put("a?snapshot", { ...fields, "stream-snapshot-offset": offset }, body);
}

Deno.test("a snapshot comes back with where to go on from", async () => {
  const served = await fixture();
  const kept = await put(served, served.offset(5));
  equal(kept.status, 201);
  equal(header(kept, "stream-snapshot-offset"), served.offset(5));
  const got = await served.get("a?snapshot");
  equal(got.status, 200);
  equal(header(got, "content-type"), "application/x-state");
  equal(header(got, "stream-snapshot-offset"), served.offset(5));
  equal(header(got, "cache-control"), "public, no-cache");
  equal(header(got, "x-content-type-options"), "nosniff");
  equal(header(got, "etag"), header(kept, "etag"));
  equal(await got.text(), "state");
  equal((await put(served, served.offset(5), "another")).status, 204);
  equal(await (await served.get("a?snapshot")).text(), "another");
  equal(await served.content("a"), "hello");
});

Deno.test("HEAD of a snapshot has all but its content, and changes nothing", async () => {
  const served = await fixture();
  await put(served, "-1");
  const head = await served.head("a?snapshot");
  const got = await served.get("a?snapshot");
  for (const name of ["content-type", "stream-snapshot-offset", "etag"]) {
    equal(header(head, name), header(got, name));
  }
  equal(header(head, "stream-snapshot-offset"), served.offset(0));
  equal(await head.text(), "");
});

Deno.test("who has a snapshot is told so by its ETag, until another one takes its place", async () => {
  const served = await fixture();
  const etag = header(await put(served, "-1"), "etag");
  for (const method of ["GET", "HEAD"]) {
    const same = await served.send(method, "a?snapshot", { "if-none-match": `"x", W/${etag}` });
    equal(same.status, 304);
    equal(header(same, "stream-snapshot-offset"), served.offset(0));
  }
  notEqual(header(await put(served, "-1"), "etag"), etag);
  equal((await served.get("a?snapshot", { "if-none-match": etag })).status, 200);
});

Deno.test("who has a compressed snapshot is told by its ETag that it is the same", async () => {
  const served = await fixture();
  await put(served, "-1", "x".repeat(10_000), { "content-type": "text/plain" });
  const fields = { "accept-encoding": "gzip" };
  const first = await served.get("a?snapshot", fields);
  equal(header(first, "content-encoding"), "gzip");
  const etag = header(first, "etag");
  await first.body?.cancel();
  const again = await served.get("a?snapshot", { ...fields, "if-none-match": etag });
  equal(again.status, 304);
  equal(header(again, "etag"), etag);
  equal(header(again, "vary"), header(first, "vary"));
});

Deno.test("a deleted snapshot is not found, and neither is one that was never kept", async () => {
  const served = await fixture();
  await expectError(await served.get("a?snapshot"), 404, "snapshot_not_found", /"a"/);
  await put(served, "-1");
  equal((await served.delete("a?snapshot")).status, 204);
  await expectError(await served.get("a?snapshot"), 404, "snapshot_not_found");
  await expectError(await served.delete("a?snapshot"), 404, "snapshot_not_found");
  await expectError(await served.get("b?snapshot"), 404, "not_found");
  equal(await served.content("a"), "hello");
});

Deno.test("an older snapshot than the one that is kept is refused, with that one's offset", async () => {
  const served = await fixture();
  await put(served, served.offset(5), "newer");
  const refused = await put(served, served.offset(4), "older");
  equal(header(refused, "stream-snapshot-offset"), served.offset(5));
  await expectError(refused, 409, "snapshot_regression", /that one stays/);
  equal(await (await served.get("a?snapshot")).text(), "newer");
});

const REFUSED: readonly (readonly [string, Fields, number, string, RegExp])[] = [
  ["no offset", {}, 400, "invalid_header", /Stream-Snapshot-Offset is missing/],
  ["no such offset", { "stream-snapshot-offset": "5" }, 400, "invalid_offset", /"5" is malformed/],
  ["now", { "stream-snapshot-offset": "now" }, 400, "invalid_offset", /"now" is malformed/],
  [
    "a count that is none",
    { "stream-snapshot-offset": "-1", "stream-snapshot-sub-offset": "x" },
    400,
    "invalid_header",
    /"x" is not a count/,
  ],
  [
    "a count past the tail",
    { "stream-snapshot-offset": "-1", "stream-snapshot-sub-offset": "6" },
    400,
    "offset_past_tail",
    /5 bytes follow/,
  ],
  [
    "a content type that is none",
    { "stream-snapshot-offset": "-1", "content-type": "state" },
    400,
    "invalid_header",
    /not a media type/,
  ],
];

for (const [title, fields, status, code, says] of REFUSED) {
  Deno.test(`a snapshot with ${title} is refused`, async () => {
    const served = await fixture();
    await expectError(await served.put("a?snapshot", fields, "x"), status, code, says);
    await expectError(await served.get("a?snapshot"), 404, "snapshot_not_found");
  });
}

Deno.test("a snapshot of a place between two offsets counts the messages behind one of them", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, "[1, 2, 3]");
  const fields = { "stream-snapshot-offset": "-1", "stream-snapshot-sub-offset": "2" };
  const kept = await served.put("a?snapshot", { ...JSON_TYPE, ...fields }, '{"sum": 3}');
  const offset = header(kept, "stream-snapshot-offset");
  deepEqual(await (await served.get(`a?offset=${offset}`)).json(), [3]);
});

Deno.test("a snapshot's length is limited, as it is sent and decoded", async () => {
  const served = new Fixture({ maxSnapshotBytes: 1000, maxAppendBytes: 10 });
  await served.make("a", TEXT);
  equal((await put(served, "-1", "x".repeat(1000))).status, 201);
  const long = await put(served, "-1", "y".repeat(1001));
  await expectError(long, 413, "body_too_large", /1000 bytes, the most that a snapshot may have/);
  const gzip = { ...STATE, "content-encoding": "gzip" };
  equal((await put(served, "-1", new Uint8Array(gzipSync("z".repeat(1000))), gzip)).status, 204);
  const bomb = await put(served, "-1", new Uint8Array(gzipSync("y".repeat(100_000))), gzip);
  await expectError(bomb, 413, "body_too_large");
  equal(await (await served.get("a?snapshot")).text(), "z".repeat(1000));
});

Deno.test("a snapshot of text goes out compressed where that is wanted", async () => {
  const served = await fixture();
  const text = "state ".repeat(1000);
  await put(served, "-1", text, TEXT);
  const plain = await served.get("a?snapshot");
  equal(await plain.text(), text);
  const small = await served.get("a?snapshot", { "accept-encoding": "gzip" });
  equal(header(small, "content-encoding"), "gzip");
  match(header(small, "vary"), /accept-encoding/);
  notEqual(header(small, "etag"), header(plain, "etag"));
  equal(String(gunzipSync(new Uint8Array(await small.arrayBuffer()))), text);
});

Deno.test("a snapshot that a browser would run is shut off from this server's pages", async () => {
  const served = await fixture();
  await put(served, "-1", "<script>", { "content-type": "text/html" });
  equal(header(await served.get("a?snapshot"), "content-security-policy"), "sandbox");
});

Deno.test("a snapshot's URL takes no append, and no place to read at", async () => {
  const served = await fixture();
  const posted = await served.post("a?snapshot", TEXT, "state");
  equal(header(posted, "allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
  await expectError(posted, 405, "method_not_allowed");
  await expectError(await served.get("a?snapshot&offset=-1"), 400, "invalid_query", /and offset/);
  equal(await served.content("a"), "hello");
});

const MISTAKEN: Record<string, string> = {
  "a misspelt snapshot": "snapshots",
  "a snapshot in capitals": "Snapshot",
  "the beginning of the word": "x=1&snap",
  "a snapshot that isn't meant": "snapshot=false",
  "a place to read at": "offset=-1",
};

for (const [title, query] of Object.entries(MISTAKEN)) {
  Deno.test(`DELETE with ${title} in the query is refused, and nothing goes`, async () => {
    const served = await fixture();
    await put(served, "-1");
    await expectError(await served.delete(`a?${query}`), 400, "invalid_query");
    equal(await served.content("a"), "hello");
    equal((await served.get("a?snapshot")).status, 200);
  });
}

Deno.test("a snapshot in the query is one however it is encoded, and leaves its stream", async () => {
  const served = await fixture();
  for (const query of ["snapsho%74", "%73napshot=", "x=1&snapshot=true"]) {
    await put(served, "-1");
    equal((await served.delete(`a?${query}`)).status, 204);
    equal((await served.get("a?snapshot")).status, 404);
    equal(await served.content("a"), "hello");
  }
});

Deno.test("a PUT of a snapshot whose query is lost or misspelt makes no stream", async () => {
  const served = await fixture();
  const fields = { ...STATE, "stream-snapshot-offset": "-1" };
  await expectError(await served.put("b", fields, "state"), 400, "invalid_header", /proxy/);
  await expectError(await served.put("b?snapshots", STATE, "state"), 400, "invalid_query");
  equal((await served.get("b")).status, 404);
});

Deno.test("other parameters of a DELETE mean nothing", async () => {
  const served = await fixture();
  equal((await served.delete("a?tenant=1&_=2&snap_id=3")).status, 204);
});

Deno.test("a stream whose name has the word is a stream", async () => {
  const served = new Fixture();
  await served.make("a&snapshot", TEXT, "one");
  await served.make("snapshot", TEXT, "two");
  equal(await served.content("a&snapshot"), "one");
  equal(await served.content("snapshot?offset=-1"), "two");
});

Deno.test("reading a snapshot is use of its stream, and so is keeping one", async () => {
  for (const method of ["GET", "PUT"]) {
    const served = new Fixture();
    await served.make("a", { ...TEXT, "stream-ttl": "60" }, "hello");
    await put(served, "-1");
    served.clock.advance(40_000);
    const fields = method === "PUT" ? { ...STATE, "stream-snapshot-offset": "-1" } : {};
    ok((await served.send(method, "a?snapshot", fields)).ok);
    served.clock.advance(59_999);
    equal((await served.head("a?snapshot")).status, 200);
    served.clock.advance(1);
    equal((await served.head("a?snapshot")).status, 404);
  }
});

/** A method and the verb that it needs. */
const NEEDS: readonly (readonly [string, string])[] = [
  ["GET", "read"],
  ["HEAD", "read"],
  ["PUT", "append"],
  ["DELETE", "delete"],
];
const VERBS = ["read", "append", "create", "close", "delete", "list", "subscribe", "admin"];

for (const [method, needed] of NEEDS) {
  Deno.test(`${method} of a snapshot needs ${needed} and nothing else`, async () => {
    const served = new GuardedFixture();
    await served.fill("a/b");
    const fields = { "stream-snapshot-offset": "-1" };
    const all = served.authority.token("all", [`append a/**`]);
    equal((await served.put("a/b?snapshot", { ...fields, ...all }, "x")).status, 201);
    const others = VERBS.filter((verb) => verb !== needed).join(",");
    const without = served.authority.token("without", [`${others} a/**`]);
    const refused = await served.send(method, "a/b?snapshot", { ...fields, ...without });
    equal(refused.status, 403);
    const only = served.authority.token("only", [`${needed} a/**`]);
    const answer = await served.send(method, "a/b?snapshot", { ...fields, ...only });
    ok(answer.status < 300, `${answer.status}`);
    equal(header(answer, "cache-control"), "private, no-store");
  });
}

Deno.test("snapshots count in their stream's quotas, and what goes gives back", async () => {
  const served = new Fixture({ memory: { quotas: [{ pattern: "**", bytes: 20 }] } });
  await served.make("a", TEXT, "hello");
  equal((await put(served, "-1", "x".repeat(15))).status, 201);
  await expectError(await served.post("a", TEXT, "y"), 507, "quota_exceeded");
  await expectError(await put(served, "-1", "x".repeat(16)), 507, "quota_exceeded");
  equal((await put(served, "-1", "x".repeat(10))).status, 204);
  equal((await served.post("a", TEXT, "12345")).status, 204);
  equal((await served.delete("a?snapshot")).status, 204);
  equal((await served.post("a", TEXT, "1234567890")).status, 204);
  equal((await put(served, "-1", "")).status, 201);
  equal((await served.delete("a")).status, 204);
  await served.make("a", TEXT, "x".repeat(20));
});

Deno.test("a storage that keeps no snapshots says so", async () => {
  const keeping = createMemoryStorage();
  const storage = new Proxy(keeping, {
    get: (_, name) => {
      const value: unknown = name === "snapshots" ? undefined : Reflect.get(keeping, name);
      return typeof value === "function" ? value.bind(keeping) : value;
    },
  });
  const app = createApp({ storage });
  const url = "/v1/stream/a?snapshot";
  await app.request("/v1/stream/a", { method: "PUT" });
  for (const method of ["GET", "PUT", "DELETE"]) {
    const headers = { "stream-snapshot-offset": "-1" };
    const answer = await app.request(url, { method, headers });
    await expectError(answer, 501, "snapshots_unsupported", /keeps no snapshots/);
  }
  await storage.close();
});
