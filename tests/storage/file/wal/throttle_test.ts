import { equal, ok, rejects } from "node:assert/strict";
import { LogPace, type PacedLog } from "../../../../src/storage/file/wal/throttle.ts";

/** A log that makes a batch of one record durable each time somebody waits for one. */
class FakeLog implements PacedLog {
  assigned = 0;
  durableSequence = 0;
  waits = 0;

  durable(sequence: number): Promise<void> | undefined {
    if (sequence <= this.durableSequence) return undefined;
    this.waits++;
    return Promise.resolve().then(() => {
      this.durableSequence = sequence;
    });
  }

  append(records: number): void {
    this.assigned += records;
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
  const pace = new LogPace(log, () => false);
  log.append(20);
  await pace.letThrough(3);
  equal(log.durableSequence, 3);
  await pace.letThrough(2);
  equal(log.durableSequence, 5);
});

Deno.test("a log without records keeps nobody: as many turns as it would be batches", async () => {
  const log = new FakeLog();
  const pace = new LogPace(log, () => false);
  await pace.letThrough(2);
  const turns = await turnsOf(pace.letThrough(2));
  ok(turns <= 4, `${turns} turns`);
  equal(log.waits, 0);
});

Deno.test("a log that had records lately is waited for, though nothing is queued just now", async () => {
  const log = new FakeLog();
  const pace = new LogPace(log, () => false);
  await pace.letThrough(2);
  log.append(1);
  log.durableSequence = 1;
  let turns = 0;
  const passing = pace.letThrough(2);
  const late = (async () => {
    while (turns < 12) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      turns++;
    }
    log.append(5);
  })();
  await Promise.all([passing, late]);
  equal(log.durableSequence, 3);
  // And where nothing comes after all, it is given up.
  log.append(1);
  log.durableSequence = log.assigned;
  await pace.letThrough(2);
});

Deno.test("nothing is let through where it has to hurry", async () => {
  const log = new FakeLog();
  const pace = new LogPace(log, () => true);
  log.append(20);
  await pace.letThrough(3);
  equal(log.waits, 0);
});

Deno.test("a log that failed ends the work behind it", async () => {
  const log = new FakeLog();
  log.append(1);
  log.durable = () => Promise.reject(new Error("The disk is gone."));
  await rejects(new LogPace(log, () => false).letThrough(2), /The disk is gone/);
});
