import { deepStrictEqual as equal } from "node:assert";
import fc from "fast-check";
import type { CatalogChanges, StreamUpdate } from "../../../src/storage/file/catalog.ts";
import { buffersOf, packChanges, unpackUpdates } from "../../../src/storage/file/catalog_wire.ts";

const integer = fc.maxSafeNat();
const text = fc.option(fc.string(), { nil: undefined });
const update: fc.Arbitrary<StreamUpdate> = fc.record({
  id: integer,
  identityChecksum: fc.nat(2 ** 32 - 1),
  endsAtMs: fc.oneof(integer, fc.constant(Infinity)),
  softDeleted: fc.boolean(),
  touchedAtMs: integer,
  closed: fc.boolean(),
  closedBy: fc.option(
    fc.record({ id: fc.string(), epoch: integer, seq: integer }, { noNullPrototype: true }),
    { nil: undefined },
  ),
  seq: text,
  producerCount: integer,
  position: integer,
  tail: integer,
  lastAtMs: integer,
  rest: fc.uint8Array({ maxLength: 20 }).map((bytes) => new Uint8Array(bytes)),
}, { noNullPrototype: true });

Deno.test("UpdatesArriveAsTheyWereSent", () => {
  fc.assert(fc.property(fc.array(update), (updates) => {
    const changes: CatalogChanges = {
      deletedIds: [1, 2],
      streams: [],
      updates,
      producers: [{ streamId: 3, producerId: "p", epoch: 1, seq: 2 }],
      segments: [{ streamId: 3, base: 0, bytes: 5, blocks: 1 }],
    };
    const sent = packChanges(changes);
    const arrived = structuredClone(sent, { transfer: buffersOf(sent) });
    equal([...unpackUpdates(arrived)], updates);
    const { deletedIds, streams, producers, segments } = arrived;
    equal({ deletedIds, streams, updates, producers, segments }, changes);
  }));
});
