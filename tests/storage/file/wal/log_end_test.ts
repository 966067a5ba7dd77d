import { deepStrictEqual as equal } from "node:assert";
import { findLogEnd, type LogEnd } from "../../../../src/storage/file/wal/log_end.ts";
import type { WalkedBatch, WalkedPart } from "../../../../src/storage/file/wal/log_walk.ts";

const START = { filePosition: 512, lsn: 10 };

/** A batch of two records that takes one sector. */
function batch(
  filePosition: number,
  firstLsn: number,
  part: Partial<WalkedBatch> = {},
): WalkedBatch {
  const syncedLsn = firstLsn - 1;
  const header = { firstLsn, syncedLsn, count: 2, payloadBytes: 100, payloadChecksum: 0 };
  return { kind: "batch", filePosition, header, isWhole: true, ...part };
}

/** Runs it; the first records of the batches before the end, and the end. */
function endOf(parts: readonly WalkedPart[], start = START): { before: number[]; end: LogEnd } {
  const before: number[] = [];
  const batches = findLogEnd(parts, start);
  let next = batches.next();
  for (; !next.done; next = batches.next()) before.push(next.value.header.firstLsn);
  return { before, end: next.value };
}

Deno.test("the log ends after the last whole batch", () => {
  const zeros = { kind: "end", filePosition: 1536, end: 4096 } as const;
  equal(endOf([batch(512, 10), batch(1024, 12), zeros]), {
    before: [10, 12],
    end: { filePosition: 1536, lsn: 14, proof: undefined, isFollowed: false },
  });
});

Deno.test("the log ends before a batch whose records aren't whole, though others follow", () => {
  equal(
    endOf([batch(512, 10), batch(1024, 12, { isWhole: false }), batch(1536, 14, synced(14, 11))]),
    {
      before: [10],
      end: { filePosition: 1024, lsn: 12, proof: undefined, isFollowed: true },
    },
  );
});

Deno.test("the log ends before a batch with another number than the next record's", () => {
  equal(endOf([batch(512, 10), batch(1024, 9, synced(9, 8))]), {
    before: [10],
    end: { filePosition: 1024, lsn: 12, proof: undefined, isFollowed: true },
  });
});

Deno.test("the log ends before a hole, also where the gap is left out", () => {
  const next = batch(1536, 12, synced(12, 11));
  const end = { filePosition: 1024, lsn: 12, proof: undefined, isFollowed: true };
  equal(endOf([batch(512, 10), next]), { before: [10], end });
  const hole = { kind: "hole", filePosition: 1024, end: 1536 } as const;
  equal(endOf([batch(512, 10), hole, next]), { before: [10], end });
});

Deno.test("a batch after the end that had the next record synced proves damage, whole or not", () => {
  for (const isWhole of [true, false]) {
    const proof = batch(2048, 14, { isWhole, ...synced(14, 12) });
    const parts = [batch(512, 10), batch(1536, 12, synced(12, 11)), proof, batch(2560, 16)];
    equal(endOf(parts), {
      before: [10],
      end: { filePosition: 1024, lsn: 12, proof, isFollowed: true },
    });
  }
});

Deno.test("the search continues from a batch after damage", () => {
  const parts = [batch(2048, 14), batch(2560, 16)];
  equal(endOf(parts, { filePosition: 2048, lsn: 14 }), {
    before: [14, 16],
    end: { filePosition: 3072, lsn: 18, proof: undefined, isFollowed: false },
  });
});

/** The header of a batch that was written when this record was the newest durable one. */
function synced(firstLsn: number, syncedLsn: number): Pick<WalkedBatch, "header"> {
  return { header: { firstLsn, syncedLsn, count: 2, payloadBytes: 100, payloadChecksum: 0 } };
}
