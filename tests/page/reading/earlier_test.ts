import { deepEqual, equal } from "node:assert/strict";
import { answerFetch } from "../page_globals.ts";
import { readEarlier } from "../../../src/page/reading/earlier.ts";
import { textOf } from "../../../src/page/reading/message.ts";
import type { Content } from "../../../src/page/reading/split.ts";
import { Fixture, JSON_TYPE, TEXT } from "../../support/fixture.ts";

/** What the page gets as the texts that come before a position of the stream `a`, and where they begin. */
async function before(served: Fixture, content: Content, position: number, tail: number) {
  answerFetch(async (request) => await served.app.fetch(request));
  const [before, known] = [served.offset(position), served.offset(tail)];
  const { signal } = new AbortController();
  const messages = await readEarlier("a", content, before, known, signal);
  return {
    texts: messages.map(({ bytes }) => textOf(bytes)),
    starts: messages.map(({ start }) => start),
    end: messages.at(-1)?.end,
  };
}

Deno.test("what comes before a place is found, however far the stream has grown behind it", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, `[1,2,3]`);
  await served.append("a", JSON_TYPE, JSON.stringify("x".repeat(600_000)));
  deepEqual((await before(served, "json", 6, 9)).texts, ["1", "2"]);
});

Deno.test("text ends where what is there begins, also in the middle of a line", async () => {
  const served = new Fixture();
  await served.make("a", TEXT, "one\ntwö and more\nthree\n");
  const found = await before(served, "text", 8, 24);
  deepEqual(found.texts, ["one\n", "twö"]);
  deepEqual(found.starts, [served.offset(0), served.offset(4)]);
  equal(found.end, served.offset(8));
});

Deno.test("a character that one answer begins and the next one ends is whole", async () => {
  const served = new Fixture({ chunkBytes: 4096 });
  await served.make("a", TEXT, `x${"ä".repeat(4_000)}`);
  const { texts } = await before(served, "text", 6_001, 8_001);
  equal(texts.join(""), `x${"ä".repeat(3_000)}`);
});

Deno.test("nothing comes before where a stream begins, once the rest was trimmed", async () => {
  const served = new Fixture();
  await served.make("a", JSON_TYPE, `[1,2,3]`);
  const answer = await served.send("PATCH", "a", { "stream-trim-before": served.offset(3) });
  equal(answer.status, 204);
  deepEqual((await before(served, "json", 6, 9)).texts, ["2"]);
  deepEqual((await before(served, "json", 3, 9)).texts, []);
});
