import { equal } from "node:assert/strict";
import { expectError, Fixture, TEXT } from "../../support/fixture.ts";

/** How URLs become names. What the runtime resolves before we see it is the runtime's. */

const METHODS = ["PUT", "POST", "GET", "HEAD", "DELETE"];

async function everyVerb(path: string, status: number, code: string, says: RegExp): Promise<void> {
  const served = new Fixture();
  for (const method of METHODS) {
    const body = method === "PUT" || method === "POST" ? "x" : undefined;
    await expectError(await served.send(method, path, TEXT, body), status, code, says);
  }
}

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  ["no name", "/v1/stream/", /name "" can't be used: it is empty/],
  [".. behind an encoded slash", "/v1/stream/a%2F..", /segment that is \. or \.\./],
  ["encoded .. before an encoded slash", "/v1/stream/%2e%2e%2Fetc", /segment that is \. or \.\./],
  ["NUL", "/v1/stream/a%00b", /control character/],
  ["a line break", "/v1/stream/a%0Ab", /control character/],
  ["an encoded C1 control character", "/v1/stream/%C2%9F", /control character/],
  ["1,025 bytes", `/v1/stream/${"a".repeat(1025)}`, /longer than 1024 bytes of UTF-8/],
  ["1,026 bytes in 342 characters", `/v1/stream/${"€".repeat(342)}`, /longer than 1024 bytes/],
  ["the reserved segment", "/v1/stream/__ds", /first segment is __ds, which is reserved/],
  ["a name under the reserved segment", "/v1/stream/__ds/x", /which is reserved/],
  ["the reserved segment encoded", "/v1/stream/%5F_ds%2Fx", /which is reserved/],
  ["the reserved segment behind the alias", "/v1/streams/__ds/x", /which is reserved/],
  ["bad percent-encoding", "/v1/stream/a%zz", /percent-encoding is not UTF-8/],
  ["percent-encoded Latin-1", "/v1/stream/caf%E9", /percent-encoding is not UTF-8/],
];

for (const [title, path, says] of REFUSED) {
  Deno.test(`a URL with ${title}: 400 for every verb`, () =>
    everyVerb(path, 400, "invalid_name", says));
}

for (const path of ["/", "/v1", "/v1/stream", "/v1/streamsx/a", "/v2/stream/a", "/V1/stream/a"]) {
  Deno.test(`the URL ${path} is no stream's: 404 for every verb`, () =>
    everyVerb(
      path,
      404,
      "not_found",
      /^No stream has this URL; streams are under \/v1\/stream\/, such as \/v1\/stream\/my-stream\.$/,
    ));
}

Deno.test("dots that URLs resolve before they are sent never climb out of the prefix", async () => {
  const served = new Fixture();
  equal((await served.put("/v1/stream/a/../../../etc/passwd", TEXT)).status, 404);
  equal((await served.put("/v1/stream/a/%2e%2e/b", TEXT)).status, 201);
  equal((await served.head("b")).status, 200);
});

const SAME: readonly (readonly [string, string])[] = [
  ["a%2Fb", "a/b"],
  ["a%2fb", "a/b"],
  ["%61", "a"],
  ["%E2%82%AC", "€"],
  ["a%20b", "a b"],
  ["a+b", "a%2Bb"],
];

for (const [one, other] of SAME) {
  Deno.test(`${one} and ${other} are the same stream, for every verb`, async () => {
    const served = new Fixture();
    await served.make(one, TEXT);
    await served.append(other, TEXT, "x");
    equal((await served.put(other, TEXT)).status, 200);
    equal(await served.content(one), "x");
    equal((await served.head(other)).status, 200);
    equal((await served.delete(other)).status, 204);
    equal((await served.get(one)).status, 404);
  });
}

Deno.test("a//b, a/b and a/b/ are three streams", async () => {
  const served = new Fixture();
  for (const name of ["a//b", "a/b", "a/b/"]) await served.make(name, TEXT, name);
  for (const name of ["a//b", "a/b", "a/b/"]) equal(await served.content(name), name);
});

Deno.test("a%252Fb is decoded once: a stream of its own", async () => {
  const served = new Fixture();
  await served.make("a%252Fb", TEXT);
  equal((await served.head("a/b")).status, 404);
});

Deno.test("a name of just 1,024 bytes is taken, whatever its encoding", async () => {
  const served = new Fixture();
  await served.make("%61".repeat(1024), TEXT, "x");
  equal(await served.content("a".repeat(1024)), "x");
});

Deno.test("the upstream proxy's plural prefix is an alias", async () => {
  const served = new Fixture();
  equal((await served.put("/v1/streams/a", TEXT, "x")).status, 201);
  equal(await served.content("a"), "x");
});

Deno.test("the alias belongs to prefixes that end in stream", async () => {
  const served = new Fixture({ prefix: "/x/stream" });
  equal((await served.put("/x/streams/a", TEXT)).status, 201);
  const other = new Fixture({ prefix: "/logs" });
  equal((await other.put("/logss/a", TEXT)).status, 404);
  equal((await other.put("/logs/a", TEXT)).status, 201);
});

Deno.test("an empty prefix: every path is a stream's", async () => {
  const served = new Fixture({ prefix: "/" });
  equal((await served.put("/a/b", TEXT)).status, 201);
  equal((await served.get("/a/b")).status, 200);
});

Deno.test("streamName takes the prefix's place, in forks' sources, too", async () => {
  const served = new Fixture({
    streamName: ({ url }) => new URL(url).searchParams.get("name") ?? undefined,
  });
  equal((await served.put("/?name=a", TEXT, "hello")).status, 201);
  equal((await served.put("/?name=f", { "stream-forked-from": "/?name=a" })).status, 201);
  equal(await (await served.get("/?name=f")).text(), "hello");
  await expectError(await served.get("/other"), 404, "not_found");
  await expectError(await served.put("/?name=..", TEXT), 400, "invalid_name");
  await expectError(
    await served.put("/?name=g", { "stream-forked-from": "/" }),
    400,
    "invalid_fork",
  );
});
