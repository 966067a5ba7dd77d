import { equal, ok, rejects } from "node:assert/strict";
import { Throttle, type ThrottleLog } from "../../../../src/storage/file/wal/throttle.ts";

/** A log that makes a batch of one record durable each time somebody waits for one. */
class FakeLog implements ThrottleLog {
  assignedLsn = 0;
  durableLsn = 0;
  waits = 0;

  durable(sequence: number): Promise<void> | undefined {
    if (sequence <= this.durableLsn) return undefined;
    this.waits++;
    return Promise.resolve().then(() => {
      this.durableLsn = sequence;
    });
  }

  append(records: number): void {
    this.assignedLsn += records;
  }
}

async function turnsOf(work: Promise<void>): Promise<number> {
  let isDone = false;
  const done = work.then(() => isDone = true);
  let turns = 0;
  while (!isDone) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    turns++;
  }
  await done;
  return turns;
}

Deno.test("a busy log gets so many batches through, and no more", async () => {
  const log = new FakeLog();
  const pace = new Throttle(log, () => false);
  log.append(20);
  await pace.yieldFor(3);
  equal(log.durableLsn, 3);
  await pace.yieldFor(2);
  equal(log.durableLsn, 5);
});

Deno.test("a log without records keeps nobody: as many turns as it would be batches", async () => {
  const log = new FakeLog();
  const pace = new Throttle(log, () => false);
  await pace.yieldFor(2);
  const turns = await turnsOf(pace.yieldFor(2));
  ok(turns <= 4, `${turns} turns`);
  equal(log.waits, 0);
});

Deno.test("a log that had records lately is waited for, though nothing is queued just now", async () => {
  const log = new FakeLog();
  const pace = new Throttle(log, () => false);
  await pace.yieldFor(2);
  log.append(1);
  log.durableLsn = 1;
  let turns = 0;
  const passing = pace.yieldFor(2);
  const late = (async () => {
    while (turns < 12) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      turns++;
    }
    log.append(5);
  })();
  await Promise.all([passing, late]);
  equal(log.durableLsn, 3);
  // And where nothing comes after all, it is given up.
  log.append(1);
  log.durableLsn = log.assignedLsn;
  await pace.yieldFor(2);
});

Deno.test("nothing is let through where it has to hurry", async () => {
  const log = new FakeLog();
  const pace = new Throttle(log, () => true);
  log.append(20);
  await pace.yieldFor(3);
  equal(log.waits, 0);
});

Deno.test("a log that failed ends the work behind it", async () => {
  const log = new FakeLog();
  log.append(1);
  log.durable = () => Promise.reject(new Error("The disk is gone."));
  await rejects(new Throttle(log, () => false).yieldFor(2), /The disk is gone/);
});
