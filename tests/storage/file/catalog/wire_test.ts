import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import type {
  CatalogChanges,
  StreamRow,
  StreamUpdate,
} from "../../../../src/storage/file/catalog/catalog.ts";
import {
  buffersOf,
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
  lastAtMs: integer,
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

Deno.test("changes arrive as they were sent", () => {
  fc.assert(fc.property(fc.array(update), fc.array(row), (updates, streams) => {
    const changes: CatalogChanges = {
      deletedIds: [1, 2],
      streams,
      updates,
      producers: [{ streamId: 3, producerId: "p", epoch: 1, seq: 2 }],
      segments: [{ streamId: 3, base: 0, bytes: 5, blocks: 1 }],
    };
    const sent = encodeChanges(changes);
    const arrived = structuredClone(sent, { transfer: buffersOf(sent) });
    equal([...decodeUpdates(arrived)], updates);
    equal([...decodeRows(arrived)], streams);
    const { deletedIds, producers, segments } = arrived;
    equal({ deletedIds, streams, updates, producers, segments }, changes);
  }));
});
