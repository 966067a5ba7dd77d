import { deepEqual, equal, match, ok } from "node:assert/strict";
import { signLink } from "../../../src/access/links/link.ts";
import { encodeLinkKeys } from "../../../src/access/links/link_key_file.ts";
import { openAuthority } from "../../../src/access/open_authority.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { expectError, Fixture, settle, TEXT } from "../../support/fixture.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { LiveFeed, typesOf } from "../live/live_kit.ts";
import { GuardedFixture } from "./authority.ts";

/** Who may follow what on one connection. */

Deno.test("each stream is checked by itself, and who shows no token follows nothing", async () => {
  const served = new GuardedFixture();
  await served.fill("a", "b");
  const reader = served.authority.token("reader", ["read a"]);
  const streams = ["a", "b", "missing"].map((stream) => ({ stream, offset: "-1" }));
  const answer = await served.post("__ds/live", reader, JSON.stringify({ streams }));
  equal(answer.headers.get("cache-control"), "private, no-store, no-cache");
  const events = await new LiveFeed(answer).upTo(({ type }) => type === "data");
  const errors = events.filter(({ type }) => type === "error").map(({ head }) => head);
  deepEqual(errors.map(({ stream, status, code }) => [stream, status, code]), [
    ["b", 403, "forbidden"],
    ["missing", 403, "forbidden"],
  ]);
  await expectError(await served.get("__ds/live?stream=a@-1"), 401, "unauthenticated");
});

Deno.test("a connection ends with its permit, and says where it continues", async () => {
  const served = new GuardedFixture();
  await served.fill("a");
  const ends = new AbortController();
  const reader = served.authority.token("reader", ["read **"], { signal: ends.signal });
  const feed = await LiveFeed.get(served, "stream=a@now", reader);
  await feed.upTo(({ type }) => type === "control");
  ends.abort();
  const rest = await feed.rest();
  deepEqual(typesOf(rest), ["control", "credential-expired"]);
  equal(rest[1]?.head.reason, "revoked");
  ok((rest[0]?.id ?? "") !== "");
});

Deno.test("a permit that ends while the request comes leaves a connection that says so, and nothing more", async () => {
  const served = new GuardedFixture({ listing: true, metrics: "/metrics" });
  await served.fill("a", "b");
  const ends = new AbortController();
  const reader = served.authority.token("reader", ["read,list **"], { signal: ends.signal });
  const set = {
    streams: [{ stream: "a", offset: "-1" }],
    patterns: [{ pattern: "*", offset: "-1" }],
  };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      ends.abort();
      controller.enqueue(encodeUtf8(JSON.stringify(set)));
      controller.close();
    },
  }, { highWaterMark: 0 });
  const feed = new LiveFeed(await served.post("__ds/live", reader, body));
  deepEqual(typesOf(await feed.rest()), ["open", "credential-expired"]);
  await settle();
  const metrics = await (await served.get("/metrics", served.root)).text();
  match(metrics, /^durable_streams_live_readers\{kind="many"\} 0$/m);
  match(metrics, /^durable_streams_followed_streams 0$/m);
});

Deno.test("a set is changed only by whom the connection is of, and within its own rights", async () => {
  const served = new GuardedFixture();
  await served.fill("a", "b");
  const reader = served.authority.token("reader", ["read a"]);
  const feed = await LiveFeed.get(served, "stream=a@now", reader);
  const [open] = await feed.upTo(({ type }) => type === "control");
  const url = `__ds/live/${open?.head.connection}`;
  const change = JSON.stringify({ add: [{ stream: "b", offset: "-1" }] });
  equal((await served.post(url, served.root, change)).status, 404);
  await expectError(await served.post(url, {}, change), 401, "unauthenticated");
  equal((await served.post(url, reader, change)).status, 204);
  const [error] = await feed.chunk();
  deepEqual([error?.type, error?.head.stream, error?.head.status], ["error", "b", 403]);
  await feed.cancel();
});

Deno.test("a pattern takes in only what may be listed and read, and needs a server that lists", async () => {
  const served = new GuardedFixture();
  await served.fill("jobs/1", "jobs/2", "jobs/3");
  const some = served.authority.token("some", ["read,list jobs/1", "read jobs/2", "list jobs/3"]);
  const feed = await LiveFeed.get(served, "pattern=jobs/*@-1", some);
  const events = await feed.upTo(({ type }) => type === "control");
  deepEqual(typesOf(events), ["open", "set", "data jobs/1", "control"]);
  await feed.cancel();
  const reader = served.authority.token("reader", ["read **"]);
  equal((await served.get("__ds/live?pattern=*@-1", reader)).status, 403);
  const unlisted = new Fixture();
  await expectError(await unlisted.get("__ds/live?pattern=*@-1"), 403, "forbidden", /--listing/);
});

Deno.test("pages of other sites follow streams where they may read them, and patterns where they may list", async () => {
  const origin = "https://app.example";
  const open = new Fixture({ cors: "*", listing: true });
  await open.make("a", TEXT, "x");
  const answer = await open.get("__ds/live?stream=a@-1", { origin });
  equal(answer.status, 200);
  equal(answer.headers.get("access-control-allow-origin"), "*");
  await answer.body?.cancel();
  const body = JSON.stringify({ streams: [{ stream: "a", offset: "-1" }] });
  const posted = await open.post("__ds/live", { origin }, body);
  equal(posted.status, 200);
  await posted.body?.cancel();
  await expectError(
    await open.get("__ds/live?pattern=*@-1", { origin }),
    403,
    "origin_not_allowed",
  );
  const named = new Fixture({ cors: ["*", origin], listing: true });
  const allowed = await named.get("__ds/live?pattern=*@-1", { origin });
  equal(allowed.status, 200);
  await allowed.body?.cancel();
  const closed = new Fixture();
  await expectError(
    await closed.get("__ds/live?stream=a@-1", { origin }),
    403,
    "origin_not_allowed",
  );
  const preflight = await open.send("OPTIONS", "__ds/live", {
    origin,
    "access-control-request-method": "POST",
  });
  equal(preflight.status, 204);
});

Deno.test("a client's readers are counted once a connection, however many streams it follows", async () => {
  const served = new Fixture({ clientLimits: { readers: 1 }, clientAddress: () => "one" });
  for (const name of ["a", "b"]) await served.make(name, TEXT, "x");
  const feed = await LiveFeed.get(served, "stream=a@-1&stream=b@-1");
  await expectError(await served.get("__ds/live?stream=a@-1"), 429, "too_many_requests");
  await feed.cancel();
  await settle();
  await (await LiveFeed.get(served, "stream=a@-1")).cancel();
});

Deno.test("a signed link lets an EventSource follow the streams of its pattern", () =>
  withTempDir(async (dir) => {
    const secret = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA";
    const linkKey = `${dir}/links.json`;
    await Deno.writeFile(linkKey, encodeLinkKeys([{ kid: "k1", secret }]), { mode: 0o600 });
    const authority = await openAuthority({ linkKey });
    try {
      const served = new Fixture({ authorize: authority });
      for (const name of ["chats/1", "other"]) await served.storage.create(name, {});
      const link = new URL(signLink("http://localhost/v1/stream/__ds/live", {
        key: { kid: "k1", secret },
        pattern: "chats/**",
        expiresInMs: 3_600_000,
        nowMs: Date.now(),
      }));
      const feed = await LiveFeed.get(
        served,
        `stream=chats/1@-1&stream=other@-1&${link.search.slice(1)}`,
      );
      const events = await feed.upTo(({ type }) => type === "set");
      deepEqual(events.find(({ type }) => type === "error")?.head.stream, "other");
      await feed.cancel();
    } finally {
      authority.close();
    }
  }));
