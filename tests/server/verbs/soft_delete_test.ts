import { equal } from "node:assert/strict";
import { expectError, type Fields, Fixture, TEXT } from "../../support/fixture.ts";

/** What is answered of a deleted stream that forks still read (PROTOCOL §4.2, §5.4). */

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
