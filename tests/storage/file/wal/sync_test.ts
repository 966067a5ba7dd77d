import { deepEqual } from "node:assert/strict";
import { LogSync, type SyncedFile } from "../../../../src/storage/file/wal/sync.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

interface Made {
  /** How each of the syncs was done. */
  syncs: string[];
  clock: ManualClock;
  /** Something is asked of a stream. */
  use(): void;
  /** An append and the sync of the batch that it is in. */
  append(records?: number): Promise<void>;
  /** How long a blocking sync takes. */
  tookMs: number;
}

function make(mayBlock = true): Made {
  const clock = new ManualClock();
  const syncs: string[] = [];
  let uses = 0;
  const sync = new LogSync({ clock, mayBlock, uses: () => uses });
  const made: Made = {
    syncs,
    clock,
    tookMs: 0,
    use: () => uses++,
    append(records = 1) {
      uses += records;
      return sync.sync(file, records);
    },
  };
  const file: SyncedFile = {
    dataSync: () => {
      syncs.push("beside");
      return Promise.resolve();
    },
    dataSyncBlocking: () => {
      syncs.push("here");
      clock.advance(made.tookMs);
    },
  };
  return made;
}

Deno.test("one that appends again and again is synced for on the spot", async () => {
  const made = make();
  for (let i = 0; i < 4; i++) await made.append();
  deepEqual(made.syncs, ["beside", "here", "here", "here"]);
});

Deno.test("whoever else asks for anything has the thread", async () => {
  const made = make();
  for (let i = 0; i < 3; i++) await made.append();
  made.use();
  for (let i = 0; i < 3; i++) await made.append();
  await made.append(2);
  for (let i = 0; i < 3; i++) await made.append();
  deepEqual(made.syncs, [
    ...["beside", "here", "here"],
    ...["beside", "beside", "here"],
    "beside",
    ...["beside", "here", "here"],
  ]);
});

Deno.test("a slow disk blocks once a second at most", async () => {
  const made = make();
  await made.append();
  made.tookMs = 2;
  for (let i = 0; i < 3; i++) await made.append();
  made.clock.advance(999);
  await made.append();
  made.clock.advance(1);
  await made.append();
  await made.append();
  deepEqual(made.syncs, ["beside", "here", "beside", "beside", "beside", "here", "beside"]);
});

Deno.test("nothing blocks where it wasn't said that it may", async () => {
  const made = make(false);
  for (let i = 0; i < 3; i++) await made.append();
  deepEqual(made.syncs, ["beside", "beside", "beside"]);
});
