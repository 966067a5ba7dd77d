import { equal, throws } from "node:assert/strict";
import { FileSystemError, isShortage } from "../../../src/env/file_system.ts";
import { FileAdmission } from "../../../src/storage/file/admission.ts";
import { Shortage } from "../../../src/storage/file/wal/shortage.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const LIMITS = {
  maxQueuedBytes: 1000,
  batchBytes: 100,
  deleteReserveBytes: 100,
  maxDirtyStreams: 20,
};

/** An admission whose log holds a batch for want of this. */
function holding(kind: "no_space" | "too_many_open_files", ballasts: number) {
  const shortage = new Shortage(new ManualClock(), { recheck: () => {}, onEnter: () => {} });
  const error = new FileSystemError(kind, "write", "log", new Error("lacking"));
  if (isShortage(error)) void shortage.hold(error);
  const admission = new FileAdmission({
    log: {
      failure: undefined,
      shortage,
      queuedBytes: 0,
      roomBytes: 1000,
      firstUnallocated: () => undefined,
      isAtLimitFor: () => false,
      makeRoomFor: () => Promise.resolve(),
    },
    checkpointer: { shortage: undefined, request: () => {} },
    ballast: { release: () => ballasts-- > 0 },
    limits: LIMITS,
    dirty: { count: 0 },
  });
  return { admission, shortage };
}

Deno.test("behind a batch that is held nothing is let in, but for a delete with the ballast's room", () => {
  const { admission, shortage } = holding("no_space", 1);
  throws(() => admission.admit("write", 1), /The disk is full/);
  throws(() => admission.checkUnadmitted(), /The disk is full/);
  equal(admission.admit("delete", 0), undefined);
  equal(shortage.isHolding, false, "it is being tried again");
});

Deno.test("where the ballast is gone a delete is told so too", () => {
  const { admission, shortage } = holding("no_space", 0);
  throws(() => admission.admit("delete", 0), /The disk is full/);
  equal(shortage.isHolding, true);
});

Deno.test("for want of descriptors the ballast is of no use, and stays", () => {
  const { admission } = holding("too_many_open_files", 1);
  throws(() => admission.admit("delete", 0), /can't open another file/);
  throws(() => admission.admit("write", 1), /can't open another file/);
});
