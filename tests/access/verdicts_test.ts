import { equal, ok, strictEqual, throws } from "node:assert/strict";
import { RecentMap } from "../../src/access/recent_map.ts";
import { tokenExpired, tokenInvalid, Verdicts } from "../../src/access/verdicts.ts";
import { ManualClock } from "../support/manual_clock.ts";

Deno.test("a map of recent entries keeps those that are asked for, and never more than its limit", () => {
  const map = new RecentMap<number>(100);
  map.set("asked for", 1);
  for (let i = 0; i < 10_000; i++) {
    map.set(String(i), i);
    if (i % 10 === 0) equal(map.get("asked for"), 1);
    ok(map.size <= 100, String(map.size));
  }
  equal(map.get("0"), undefined);
  equal(map.get("9999"), 9999);
  map.delete("9999");
  equal(map.get("9999"), undefined);
  map.clear();
  equal(map.size, 0);
});

Deno.test("made-up tokens never drive out good ones", () => {
  const verdicts = new Verdicts(new ManualClock(), 100);
  const permit = verdicts.accept("good", { subject: "ann", grants: [] });
  for (let i = 0; i < 10_000; i++) verdicts.reject(`bad ${i}`, tokenInvalid("it is made up"));
  strictEqual(verdicts.get("good"), permit);
  throws(() => verdicts.get("bad 9999"), /made up/);
});

Deno.test("a fault is remembered for ten seconds", () => {
  const clock = new ManualClock();
  const verdicts = new Verdicts(clock, 100);
  verdicts.reject("bad", tokenInvalid("it is made up"));
  clock.advance(9_999);
  throws(() => verdicts.get("bad"), /made up/);
  clock.advance(1);
  equal(verdicts.get("bad"), undefined);
});

Deno.test("what was begun before the keys changed isn't remembered", () => {
  const verdicts = new Verdicts(new ManualClock(), 100);
  const { epoch } = verdicts;
  verdicts.clear();
  const permit = { subject: "ann", grants: [] };
  strictEqual(verdicts.accept("late", permit, epoch), permit);
  equal(verdicts.get("late"), undefined);
  verdicts.accept("now", permit, verdicts.epoch);
  strictEqual(verdicts.get("now"), permit);
});

Deno.test("a token that a clock running ahead found expired is good once the clock is right", () => {
  const clock = new ManualClock();
  const verdicts = new Verdicts(clock, 100);
  verdicts.reject("good", tokenExpired(clock.nowMs()));
  clock.advance(-3_600_000);
  equal(verdicts.get("good"), undefined);
});
