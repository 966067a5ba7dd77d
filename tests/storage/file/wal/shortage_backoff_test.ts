import { deepEqual } from "node:assert/strict";
import { FileSystemError, isShortage } from "../../../../src/env/file_system.ts";
import { Shortage } from "../../../../src/storage/file/wal/shortage.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

const SECOND_MS = 1_000;

Deno.test("a full disk is tried again after 0.5 s, then 1, 2, 4 and 8 s, and anew once there was room", () => {
  const clock = new ManualClock();
  const error = new FileSystemError("no_space", "write", "wal", new Error("no space left"));
  let waits: number[] = [];
  let beganMs = clock.nowMs();
  const shortage = new Shortage(clock, { recheck: () => fail(), onEnter() {} });
  function fail(): void {
    waits.push(clock.nowMs() - beganMs);
    beganMs = clock.nowMs();
    if (isShortage(error)) shortage.enter(error);
  }

  if (isShortage(error)) shortage.enter(error);
  clock.advance(24 * SECOND_MS);
  deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);

  shortage.leave();
  waits = [];
  beganMs = clock.nowMs();
  if (isShortage(error)) shortage.enter(error);
  clock.advance(500);
  deepEqual(waits, [500]);
});
