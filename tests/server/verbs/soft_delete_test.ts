import { equal } from "node:assert/strict";
import { expectError, type Fields, Fixture, TEXT } from "../../support/fixture.ts";

/** PROTOCOL §4.2 and §5.4: a deleted stream that forks still read. */

const from = (source: string): Fields => ({ "stream-forked-from": `/v1/stream/${source}` });

/** A chain of forks, each of the one before. */
async function chain(...names: string[]): Promise<Fixture> {
  const served = new Fixture();
  for (const [i, name] of names.entries()) {
    const source = names[i - 1];
    await served.make(name, source === undefined ? TEXT : from(source));
    await served.append(name, TEXT, name);
  }
  return served;
}

async function status(served: Fixture, name: string): Promise<number> {
  return (await served.head(name)).status;
}

Deno.test("DELETE of a stream with forks: 204, then 410 for every verb", async () => {
  const served = await chain("a", "b");
  equal((await served.delete("a")).status, 204);
  for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
    const answer = await served.send(method, "a", TEXT, method === "POST" ? "x" : undefined);
    equal(answer.status, 410);
    if (method !== "HEAD") await expectError(answer, 410, "gone", /only its forks still read it/);
  }
  for (const live of ["long-poll", "sse"]) {
    equal((await served.get(`a?offset=-1&live=${live}`)).status, 410);
  }
  equal((await served.post("a", { "stream-closed": "true" })).status, 410);
});

Deno.test("a softly deleted stream's forks still read it", async () => {
  const served = await chain("a", "b", "c");
  await served.delete("a");
  await served.delete("b");
  equal(await served.content("c"), "abc");
  await served.append("c", TEXT, "!");
  equal(await served.content(`c?offset=${served.offset(1)}`), "bc!");
});

Deno.test("PUT under a softly deleted stream's name: 409, with whatever configuration", async () => {
  const served = await chain("a", "b");
  await served.delete("a");
  for (const headers of [TEXT, {}, from("b")]) {
    await expectError(
      await served.put("a", headers),
      409,
      "stream_exists",
      /deleted but still has forks/,
    );
  }
});

Deno.test("a fork of a softly deleted stream: 409", async () => {
  const served = await chain("a", "b");
  await served.delete("a");
  await expectError(await served.put("c", from("a")), 409, "source_deleted", /"a" was deleted/);
});

Deno.test("a fork of a fork whose source is softly deleted is made", async () => {
  const served = await chain("a", "b");
  await served.delete("a");
  await served.make("c", from("b"));
  equal(await served.content("c"), "ab");
});

Deno.test("the same fork again after its source was softly deleted: 200", async () => {
  const served = await chain("a", "b");
  await served.delete("a");
  equal((await served.put("b", from("a"))).status, 200);
});

Deno.test("the last fork's DELETE takes the source along, and its name is free again", async () => {
  const served = await chain("a", "b");
  await served.make("c", from("a"));
  await served.delete("a");
  await served.delete("b");
  equal(await status(served, "a"), 410);
  await served.delete("c");
  equal(await status(served, "a"), 404);
  await served.make("a", TEXT, "new");
  equal(await served.content("a"), "new");
});

Deno.test("the cascade goes up the whole chain", async () => {
  const served = await chain("a", "b", "c", "d");
  for (const name of ["a", "b", "c"]) await served.delete(name);
  for (const name of ["a", "b", "c"]) equal(await status(served, name), 410);
  await served.delete("d");
  for (const name of ["a", "b", "c", "d"]) equal(await status(served, name), 404);
});

Deno.test("the cascade stops at a stream that is there, and at one with other forks", async () => {
  const served = await chain("a", "b", "c");
  await served.delete("b");
  await served.delete("c");
  equal(await status(served, "a"), 200);
  equal(await status(served, "b"), 404);

  const other = await chain("a", "b", "c");
  await other.make("d", from("a"));
  await other.delete("a");
  await other.delete("b");
  await other.delete("c");
  equal(await status(other, "b"), 404);
  equal(await status(other, "a"), 410);
  equal(await other.content("d"), "a");
});

Deno.test("DELETE of a source after its forks are gone: for good", async () => {
  const served = await chain("a", "b");
  await served.delete("b");
  await served.delete("a");
  equal(await status(served, "a"), 404);
});

Deno.test("a fork's expiry takes its softly deleted source along", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "a");
  await served.make("b", { ...from("a"), "stream-ttl": "60" });
  await served.delete("a");
  served.clock.advance(60_000);
  equal(await status(served, "b"), 404);
  equal(await status(served, "a"), 404);
});

Deno.test("a source that expires while it has forks: 410, and the forks read on", async () => {
  const served = new Fixture();
  await served.make("a", { ...TEXT, "stream-ttl": "60" }, "a");
  await served.make("b", { ...from("a"), "stream-ttl": "3600" });
  served.clock.advance(60_000);
  equal(await status(served, "a"), 410);
  equal(await served.content("b"), "a");
  await served.delete("b");
  equal(await status(served, "a"), 404);
});

Deno.test("many forks and deletes at once: nothing is left behind", async () => {
  const served = await chain("a");
  const names = Array.from({ length: 20 }, (_, i) => `f${i}`);
  await Promise.all(names.map((name) => served.put(name, from("a"))));
  await Promise.all([served.delete("a"), ...names.map((name) => served.delete(name))]);
  for (const name of ["a", ...names]) equal(await status(served, name), 404);
});
