import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import {
  type BlockRow,
  type CatalogChanges,
  NO_CHANGES,
  type StreamRow,
  type StreamUpdate,
} from "../../../../src/storage/file/catalog/catalog.ts";
import type { SubscriptionRow } from "../../../../src/storage/subscriptions/capture.ts";
import { encodeSubscription } from "../../../../src/storage/file/catalog/subscription_rows.ts";
import { plainRecord } from "../../../support/plain_record.ts";
import { subscriptionRow } from "../../../support/subscription_arbitraries.ts";
import {
  buffersOf,
  decodeBlocks,
  decodeCursors,
  decodeDeletedBlocks,
  decodeRows,
  decodeUpdates,
  encodeChanges,
} from "../../../../src/storage/file/catalog/wire.ts";

const integer = fc.maxSafeNat();
const text = fc.option(fc.string(), { nil: undefined });
const update: fc.Arbitrary<StreamUpdate> = fc.record({
  id: integer,
  identityChecksum: fc.nat(2 ** 32 - 1),
  endsAtMs: fc.oneof(integer, fc.constant(Infinity)),
  softDeleted: fc.boolean(),
  accessedAtMs: integer,
  closed: fc.boolean(),
  closedBy: fc.option(
    fc.record({ id: fc.string(), epoch: integer, seq: integer }, { noNullPrototype: true }),
    { nil: undefined },
  ),
  seq: text,
  producerCount: integer,
  lsn: integer,
  tail: integer,
  messages: integer,
  lastAtMs: integer,
  earliest: integer,
  earliestMessages: integer,
  policies: text,
  trimsAtMs: fc.oneof(integer, fc.constant(Infinity)),
  restMessages: integer,
  rest: fc.uint8Array({ maxLength: 20 }).map((bytes) => new Uint8Array(bytes)),
}, { noNullPrototype: true });

const row: fc.Arbitrary<StreamRow> = update.map((
  { identityChecksum: _, endsAtMs: __, ...state },
) => ({
  ...state,
  name: `stream ${state.id}`,
  contentType: "text/plain",
  lifetime: { kind: "ttl", ttlSeconds: 5 },
  fork: state.closed
    ? { sourceId: 1, sourceName: "s", point: 7, offset: undefined, subOffset: 2 }
    : undefined,
}));

const cursor = plainRecord({ subscriptionId: integer, streamId: integer, position: integer });

Deno.test("changes of subscriptions arrive as they were sent", () => {
  const rows = fc.array(subscriptionRow, { maxLength: 3 });
  const cursors = fc.array(cursor);
  fc.assert(fc.property(rows, cursors, cursors, (rows: SubscriptionRow[], cursors, gone) => {
    const deletedCursors = gone.map(({ position: _, ...key }) => key);
    const subscriptions = { deletedIds: [7], rows, cursors, deletedCursors };
    const sent = encodeChanges({ ...NO_CHANGES, subscriptions });
    const arrived = structuredClone(sent, { transfer: buffersOf(sent) });
    equal(arrived.deletedSubscriptionIds, [7]);
    equal(arrived.subscriptionRows, rows.map(encodeSubscription));
    equal([...decodeCursors(arrived.cursors)], cursors);
    const keys = [...decodeCursors(arrived.deletedCursors)].map(({ position: _, ...key }) => key);
    equal(keys, deletedCursors);
  }));
});

const block: fc.Arbitrary<BlockRow> = plainRecord({
  streamId: integer,
  base: integer,
  end: integer,
  atMs: integer,
  messages: integer,
  body: fc.uint8Array({ maxLength: 20 }).map((bytes) => new Uint8Array(bytes)),
});

Deno.test("blocks arrive as they were sent, and so does which of them go", () => {
  const deleted = plainRecord({ streamId: integer, before: integer });
  fc.assert(fc.property(fc.array(block), fc.array(deleted), (blocks, deletedBlocks) => {
    const sent = encodeChanges({ ...NO_CHANGES, blocks, deletedBlocks });
    const arrived = structuredClone(sent, { transfer: buffersOf(sent) });
    equal([...decodeBlocks(arrived)], blocks);
    equal([...decodeDeletedBlocks(arrived)], deletedBlocks);
  }));
});

Deno.test("changes arrive as they were sent", () => {
  fc.assert(fc.property(fc.array(update), fc.array(row), (updates, streams) => {
    const changes: CatalogChanges = {
      ...NO_CHANGES,
      deletedIds: [1, 2],
      streams,
      updates,
      producers: [{ streamId: 3, producerId: "p", epoch: 1, seq: 2 }],
      segments: [{ streamId: 3, base: 0, bytes: 5, blocks: 1, end: 5, generation: 0 }],
    };
    const sent = encodeChanges(changes);
    const arrived = structuredClone(sent, { transfer: buffersOf(sent) });
    equal([...decodeUpdates(arrived)], updates);
    equal([...decodeRows(arrived)], streams);
    const { deletedIds, producers, segments } = arrived;
    equal({ ...NO_CHANGES, deletedIds, streams, updates, producers, segments }, changes);
  }));
});
