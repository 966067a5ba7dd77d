import { deepStrictEqual as equal } from "node:assert";
import { NO_BYTES } from "../../../../src/protocol/bytes.ts";
import {
  markSnapshotStored,
  streamSummary,
  takeSnapshot,
} from "../../../../src/storage/file/streams/file_stream.ts";

const row = {
  ...{ id: 7, name: "s", contentType: "text/plain", fork: undefined },
  lifetime: { kind: "ttl", ttlSeconds: 100 } as const,
  ...{ softDeleted: false, accessedAtMs: 5000, closed: false, closedBy: undefined },
  ...{ seq: undefined, producerCount: 0, lsn: 3, tail: 20, messages: 2, lastAtMs: 900 },
  ...{ earliest: 0, earliestMessages: 0, policies: undefined, trimsAtMs: Infinity },
  ...{ restMessages: 1, rest: NO_BYTES },
};

Deno.test("a likeness is what the row says, without data", () => {
  const { name, durableTail, durableClosed, lifecycle, expiresAtMs } = streamSummary(row);
  equal(
    { name, durableTail, durableClosed, lifecycle, expiresAtMs },
    {
      name: "s",
      durableTail: 20,
      durableClosed: false,
      lifecycle: "there",
      expiresAtMs: 105_000,
    },
  );
  equal(streamSummary({ ...row, softDeleted: true }).lifecycle, "soft_deleted");
  equal(streamSummary({ ...row, closed: true }).durableClosed, true);
});

Deno.test("a stream that changes while it is stored is stored once more, also without a record", () => {
  const stream = streamSummary(row);
  equal(markSnapshotStored(takeSnapshot(stream)), true);
  let snapshot = takeSnapshot(stream);
  // When it is looked at for its retention: no other start would know.
  stream.storedTrimsAtMs = 7000;
  equal(markSnapshotStored(snapshot), false);
  snapshot = takeSnapshot(stream);
  stream.wantsRelease = true;
  equal(markSnapshotStored(snapshot), false);
});
