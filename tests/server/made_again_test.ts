import { equal } from "node:assert/strict";
import { Fixture, header, offset, producer, refused, TEXT } from "../support/fixture.ts";

/** A name whose stream was deleted and made again: what clients still hold of the old one. */

async function madeAgain(): Promise<Fixture> {
  const served = new Fixture();
  await served.make("a", TEXT, "the old one's content");
  const first = { ...TEXT, ...producer("p", 7, 0), "stream-seq": "9" };
  equal((await served.post("a", first, "x")).status, 200);
  await served.delete("a");
  await served.make("a", TEXT);
  return served;
}

Deno.test("made again: a producer begins anew, in any epoch and at 0", async () => {
  const served = await madeAgain();
  for (const seq of [0, 1]) {
    equal((await served.post("a", { ...TEXT, ...producer("p", 0, seq) }, "y")).status, 200);
  }
  equal(await served.content("a"), "yy");
});

Deno.test("made again: Stream-Seq begins anew", async () => {
  const served = await madeAgain();
  equal(await served.append("a", { ...TEXT, "stream-seq": "1" }, "y"), offset(1));
});

Deno.test("made again: the old one's offset is refused in each mode while the new one is shorter", async () => {
  const served = await madeAgain();
  for (const live of ["", "&live=long-poll", "&live=sse"]) {
    await refused(await served.get(`a?offset=${offset(22)}${live}`), 400, "offset_past_tail");
  }
});

Deno.test("made again: the old one's cursor is answered with the new one's data and a greater cursor", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "old");
  const old = header(await served.get("a?offset=-1&live=long-poll"), "stream-cursor");
  await served.delete("a");
  await served.make("a", TEXT, "new");
  const answer = await served.get(`a?offset=-1&live=long-poll&cursor=${old}`);
  equal(await answer.text(), "new");
  equal(Number(header(answer, "stream-cursor")) > Number(old), true);
});
