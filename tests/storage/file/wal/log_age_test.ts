import { equal } from "node:assert/strict";
import { LogAge } from "../../../../src/storage/file/wal/log_age.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

function aged() {
  const clock = new ManualClock();
  const age = new LogAge();
  return { clock, age, seconds: () => age.ageSeconds(clock.nowMs()) };
}

Deno.test("a log without records has no age, and is as old as its oldest", () => {
  const { clock, age, seconds } = aged();
  clock.advance(5000);
  equal(seconds(), 0);
  age.onBatch(clock);
  clock.advance(2000);
  age.onBatch(clock);
  clock.advance(1000);
  equal(seconds(), 3);
});

Deno.test("what a checkpoint has stored counts no more, what came while it ran does", () => {
  const { clock, age, seconds } = aged();
  age.onBatch(clock);
  clock.advance(4000);
  age.onCheckpointStart();
  age.onBatch(clock);
  clock.advance(1000);
  equal(seconds(), 5, "as long as it runs nothing is stored");
  age.onCheckpointEnd(true);
  equal(seconds(), 1);
  age.onCheckpointStart();
  age.onCheckpointEnd(true);
  equal(seconds(), 0);
});

Deno.test("after a checkpoint that failed the oldest is what it was", () => {
  const { clock, age, seconds } = aged();
  age.onBatch(clock);
  clock.advance(1000);
  age.onCheckpointStart();
  age.onBatch(clock);
  age.onCheckpointStart();
  clock.advance(1000);
  age.onCheckpointEnd(false);
  equal(seconds(), 2);
});
