import { deepStrictEqual as equal } from "node:assert";
import { NO_BYTES } from "../../../../src/protocol/bytes.ts";
import { streamLikeness } from "../../../../src/storage/file/streams/file_stream.ts";

Deno.test("a likeness is what the row says, without data", () => {
  const row = {
    ...{ id: 7, name: "s", contentType: "text/plain", fork: undefined },
    lifetime: { kind: "ttl", ttlSeconds: 100 } as const,
    ...{ softDeleted: false, touchedAtMs: 5000, closed: false, closedBy: undefined },
    ...{ seq: undefined, producerCount: 0, position: 3, tail: 20, lastAtMs: 900, rest: NO_BYTES },
  };
  const { name, durableTail, durableClosed, presence, expiresAtMs } = streamLikeness(row);
  equal(
    { name, durableTail, durableClosed, presence, expiresAtMs },
    {
      name: "s",
      durableTail: 20,
      durableClosed: false,
      presence: "there",
      expiresAtMs: 105_000,
    },
  );
  equal(streamLikeness({ ...row, softDeleted: true }).presence, "soft_deleted");
  equal(streamLikeness({ ...row, closed: true }).durableClosed, true);
});
