import { deepEqual, equal, rejects } from "node:assert/strict";
import { retentionIn, retentionText } from "../../../src/client/transport/retention.ts";
import { JSON_TYPE, TEXT } from "../../support/fixture.ts";
import { AppKit } from "../../support/client/reader_kit.ts";

const EVERYTHING = { ageSeconds: 60, bytes: 5000, messages: 7, toSnapshot: true };

Deno.test("a retention's text is read as the same again", () => {
  const text = "age=60, bytes=5000, messages=7, to-snapshot";
  equal(retentionText(EVERYTHING), text);
  deepEqual(retentionIn(new Headers({ "stream-retention": text })), EVERYTHING);
  equal(retentionText(null), "");
  equal(retentionText({ bytes: undefined, toSnapshot: false }), "");
  equal(retentionIn(new Headers()), undefined);
  equal(retentionIn(new Headers({ "stream-retention": "" })), undefined);
});

Deno.test("what a later server says beside the known limits is passed over", () => {
  const headers = new Headers({ "stream-retention": "bytes=5, moons=3, to-the-end" });
  deepEqual(retentionIn(headers), { bytes: 5 });
});

Deno.test("a stream is created with a retention, which head shows and configure changes", async () => {
  const { client } = new AppKit();
  const created = await client.create("s", { contentType: "text/plain", retention: EVERYTHING });
  deepEqual(created.retention, EVERYTHING);
  deepEqual((await client.head("s")).retention, EVERYTHING);
  const changed = await client.configure("s", { retention: { bytes: 9000 } });
  deepEqual(changed.retention, { bytes: 9000 });
  const none = await client.configure("s", { retention: null });
  equal("retention" in none, false);
  equal("retention" in await client.head("s"), false);
});

Deno.test("trim says what is left, by an offset, a time and now", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  const { client } = kit;
  equal("earliestOffset" in await client.head("s"), false);
  const old = await client.trim("s", new Date(kit.clock.nowMs() - 1000));
  equal(old.earliestOffset, kit.offset(0));
  const some = await client.trim("s", kit.offset(3));
  deepEqual(some, { nextOffset: kit.offset(9), earliestOffset: kit.offset(3) });
  equal((await client.head("s")).earliestOffset, kit.offset(3));
  equal((await client.trim("s", "now")).earliestOffset, kit.offset(9));
});

Deno.test("a place between two messages of an answer trims up to that answer only", async () => {
  const kit = new AppKit();
  await kit.make("s", JSON_TYPE, "[1,2,3]");
  equal((await kit.client.trim("s", `${kit.offset(3)}/1`)).earliestOffset, kit.offset(3));
  equal((await kit.client.trim("s", "-1/2")).earliestOffset, kit.offset(3));
});

Deno.test("limits that make no sense aren't sent", async () => {
  const kit = new AppKit();
  await kit.make("s", TEXT);
  for (const retention of [{ bytes: 0 }, { ageSeconds: 1.5 }, { messages: -1 }]) {
    await rejects(kit.client.configure("s", { retention }), { code: "invalid_argument" });
    await rejects(kit.client.create("t", { retention }), { code: "invalid_argument" });
  }
  await rejects(kit.client.trim("s", new Date(NaN)), { code: "invalid_argument" });
  equal(kit.requests.length, 0);
});

Deno.test("a change of nothing is refused by the server, as is one of no stream", async () => {
  const kit = new AppKit();
  await rejects(kit.client.configure("s", {}), { code: "bad_request" });
  await rejects(kit.client.trim("s", "now"), { code: "not_found" });
});
