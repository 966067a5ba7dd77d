import { deepEqual, equal, ok } from "node:assert/strict";
import { DeadlineQueue } from "../../../src/env/deadline_queue.ts";
import type { FrameSink } from "../../../src/http/handler.ts";
import { CountedBody } from "../../../src/server/limits/counted_body.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** A body that notes when it is told of room, and a client that may have more at a time of the test's. */
class BodyKit {
  readonly clock = new ManualClock(0);
  readonly told: number[] = [];
  readonly frames: number[] = [];
  freeAtMs = 0;
  ends = 0;
  sink: FrameSink | undefined;
  readonly body: CountedBody;

  constructor() {
    const deadlines = new DeadlineQueue(this.clock, 100);
    const body = {
      limitBytes: 10,
      attach: (sink: FrameSink) => this.sink = sink,
      drained: () => this.told.push(this.clock.nowMs()),
      disconnected: () => {},
    };
    this.body = new CountedBody(body, {
      take: (bytes) => this.frames.push(bytes),
      waitMs: () => this.freeAtMs - this.clock.nowMs(),
      expireIn: (deadline) => deadlines.add(deadline, 10),
      ended: () => this.ends++,
    });
    this.body.attach({ queuedBytes: 3, write: () => {}, end: () => {}, destroy: () => {} });
  }
}

Deno.test("a body that is held is told once it may go on, though nothing else happens", () => {
  const kit = new BodyKit();
  const { clock, sink } = kit;
  ok(sink !== undefined);
  equal(sink.isHeld?.(), false);
  sink.write(new Uint8Array(7));
  deepEqual([kit.frames, sink.queuedBytes], [[7], 3]);
  kit.freeAtMs = 4_500;
  for (let i = 0; i < 3; i++) equal(sink.isHeld?.(), true);
  clock.advance(4_000);
  deepEqual(kit.told, []);
  clock.advance(2_000);
  equal(kit.told.length, 1);
  clock.advance(10_000);
  deepEqual([kit.told.length, clock.pendingTimers], [1, 0]);
});

Deno.test("a body that ends while it is held is told nothing more, from whichever side it ends", () => {
  const ends: readonly ((kit: BodyKit) => void)[] = [
    ({ body }) => body.disconnected(),
    ({ sink }) => sink?.end(),
    ({ sink }) => sink?.destroy(new Error("too slow")),
  ];
  for (const end of ends) {
    const kit = new BodyKit();
    kit.freeAtMs = 1_000_000;
    equal(kit.sink?.isHeld?.(), true);
    end(kit);
    kit.clock.advance(2_000_000);
    deepEqual([kit.told, kit.ends, kit.clock.pendingTimers], [[], 1, 0]);
  }
});
