import { deepEqual, equal, rejects } from "node:assert/strict";
import { Leadership } from "../../../../src/storage/nats/connection/leadership.ts";
import type { PublishOutcome } from "../../../../src/storage/nats/jetstream.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

/** When a leader's answers are relied on. */

const LOG = "DS_TEST";
const STORED: PublishOutcome = { kind: "stored", sequence: 1 };

class Kit {
  readonly clock = new ManualClock();
  readonly calls: string[] = [];
  outcome: PublishOutcome = STORED;
  elapsedMs = 0;
  readonly leadership = new Leadership(this.clock, ({ log, subject }) => {
    this.calls.push(subject);
    if (this.outcome.kind === "stored") this.leadership.proveBy(log, this.leadership.now());
    return Promise.resolve(this.outcome);
  }, () => this.elapsedMs);

  /** @param tookMs how long the answer was on its way */
  ask(tookMs = 0): Promise<string> {
    return this.leadership.ask(LOG, () => {
      this.calls.push("asked");
      this.advance(tookMs);
      return Promise.resolve("answer");
    });
  }

  /** Lets time pass by both clocks. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.elapsedMs += ms;
  }
}

Deno.test("a log with one replica is asked at once", async () => {
  const kit = new Kit();
  equal(await kit.ask(60_000), "answer");
  deepEqual(kit.calls, ["asked"]);
});

Deno.test("a leader is asked once it has stored a message, and for a while after", async () => {
  const kit = new Kit();
  kit.leadership.add(LOG);
  await Promise.all([kit.ask(), kit.ask()]);
  deepEqual(kit.calls, [`ds-confirm.${LOG}`, "asked", "asked"]);
  kit.advance(1_500);
  await kit.ask();
  equal(kit.calls.length, 4);
  kit.advance(1);
  await kit.ask();
  deepEqual(kit.calls.slice(4), [`ds-confirm.${LOG}`, "asked"]);
});

Deno.test("any message that was stored shows who leads, as of when it was sent", async () => {
  const kit = new Kit();
  kit.leadership.add(LOG);
  const { wallMs, elapsedMs } = kit.leadership.now();
  for (const ms of [1_500, 9_000]) {
    kit.leadership.proveBy(LOG, { wallMs: wallMs - ms, elapsedMs: elapsedMs - ms });
  }
  await kit.ask();
  deepEqual(kit.calls, ["asked"]);
});

Deno.test("an answer that took too long is asked for again", async () => {
  const kit = new Kit();
  kit.leadership.add(LOG);
  const delays = [3_501, 3_500];
  const answer = await kit.leadership.ask(LOG, () => {
    kit.advance(delays.shift() ?? 0);
    return Promise.resolve(delays.length);
  });
  equal(answer, 0);
  await rejects(kit.ask(60_000), { code: "unavailable" });
});

Deno.test("who can't store anything isn't asked", async () => {
  const kit = new Kit();
  kit.leadership.add(LOG);
  kit.outcome = { kind: "unknown", reason: "no answer" };
  await rejects(kit.ask(), { code: "unavailable", message: /can't store: no answer/ });
  deepEqual(kit.calls, [`ds-confirm.${LOG}`]);
  kit.outcome = STORED;
  equal(await kit.ask(), "answer");
});

for (const setMs of [-10_000, 10_000, 0]) {
  Deno.test(`a leader that has stored nothing for 10 s is asked to, with a clock that is set by ${setMs} ms`, async () => {
    const kit = new Kit();
    kit.leadership.add(LOG);
    await kit.ask();
    kit.advance(10_000);
    kit.clock.advance(setMs);
    await kit.ask();
    deepEqual(kit.calls.slice(2), [`ds-confirm.${LOG}`, "asked"]);
  });
}

Deno.test("the time that a machine sleeps counts, which one of its clocks leaves out", async () => {
  const kit = new Kit();
  kit.leadership.add(LOG);
  await kit.ask();
  kit.clock.advance(10_000);
  await kit.ask();
  deepEqual(kit.calls.slice(2), [`ds-confirm.${LOG}`, "asked"]);
});
