import { deepEqual, equal } from "node:assert/strict";
import { parsePattern } from "../../../src/protocol/name_pattern.ts";
import { LivePatterns } from "../../../src/server/live/live_patterns.ts";
import { createMemoryStorage } from "../../../src/storage/memory.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { Fixture, JSON_TYPE, settle } from "../../support/fixture.ts";

/** Who looks for the streams of patterns, and what they are told. */

const PATTERN = parsePattern("*");

async function setUp() {
  const storage = createMemoryStorage();
  const served = new Fixture({ storage });
  await served.make("a", JSON_TYPE, "[1]");
  const clock = new ManualClock();
  let lists = 0;
  const patterns = new LivePatterns({
    list: (query) => {
      lists++;
      return storage.list(query);
    },
  }, clock);
  const join = (owner: object, told: string[]) =>
    patterns.join(owner, PATTERN, {
      found: (streams) => told.push(...streams.map(({ name }) => name)),
      failed: () => told.push("failed"),
    });
  return { served, clock, patterns, join, lists: () => lists };
}

Deno.test("of two who come at once neither hears of the streams of the other's first look", async () => {
  const { served, clock, join } = await setUp();
  const told: string[] = [];
  const looks = await Promise.all([join({}, told), join({}, told)]);
  deepEqual(looks.map((found) => found.map(({ name }) => name)), [["a"], ["a"]]);
  deepEqual(told, []);
  await served.make("b", JSON_TYPE, "[1]");
  clock.advance(1000);
  await settle();
  deepEqual(told, ["b", "b"]);
});

Deno.test("one who comes while the last other one leaves hears of later streams", async () => {
  const { served, clock, patterns, join } = await setUp();
  const told: string[] = [];
  const first = {};
  const looks = [join(first, []), join({}, told)];
  patterns.forget(first);
  await Promise.all(looks);
  await served.make("b", JSON_TYPE, "[1]");
  clock.advance(1000);
  await settle();
  deepEqual(told, ["b"]);
});

Deno.test("one who leaves before its first look is over isn't looked for any more", async () => {
  const { clock, patterns, join, lists } = await setUp();
  const owner = {};
  const look = join(owner, []);
  patterns.forget(owner);
  await look;
  const before = lists();
  clock.advance(3000);
  await settle();
  equal(lists(), before);
});
