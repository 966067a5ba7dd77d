import { deepEqual, equal, ok } from "node:assert/strict";
import { createStateSchema, createStreamDB } from "@durable-streams/state/db";
import { until } from "../support/until.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "./targets.ts";

/** `@durable-streams/state` as it is, on a stream that the server compacts. */

interface Item {
  readonly id: string;
  readonly value: number;
}

function isItem(value: unknown): value is Item {
  return typeof value === "object" && value !== null && "id" in value && "value" in value;
}

const ITEM_SCHEMA = {
  "~standard": {
    version: 1 as const,
    vendor: "compat",
    validate: (value: unknown) =>
      isItem(value) ? { value } : { issues: [{ message: "not an item" }] },
  },
};
const SCHEMA = createStateSchema({
  items: { schema: ITEM_SCHEMA, type: "item", primaryKey: "id" },
});
const JSON_TYPE = { "content-type": "application/json" };
const ROUNDS = 60;
const ITEMS = 12;
/** Every fifth round an item is deleted, which comes back with the next. */
const DELETES_EVERY = 5;

function eventOf(round: number, item: number) {
  const id = `item-${item}`;
  const isDeleted = round % DELETES_EVERY === 0 && item === (round / DELETES_EVERY) % ITEMS;
  if (isDeleted) return SCHEMA.items.delete({ key: id });
  return SCHEMA.items.upsert({ value: { id, value: round * ITEMS + item } });
}

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target, ["--segment-bytes", "4KiB", "--wal-bytes", "64KiB"]);

  compatTest(
    target,
    "a database that begins with a compacted stream has the same state",
    async () => {
      const url = server.streamUrl();
      const made = await fetch(url, {
        method: "PUT",
        headers: { ...JSON_TYPE, "stream-compaction": "key=state, tombstones=0" },
      });
      equal(made.status, 201);
      const expected = new Map<string, number>();
      const append = async (events: readonly ReturnType<typeof eventOf>[]) => {
        const body = JSON.stringify(events);
        equal((await fetch(url, { method: "POST", headers: JSON_TYPE, body })).status, 204);
        for (const { key, value } of events) {
          if (value === undefined) expected.delete(key);
          else expected.set(key, value.value);
        }
      };
      for (let round = 1; round <= ROUNDS; round++) {
        await append(Array.from({ length: ITEMS }, (_, item) => eventOf(round, item)));
      }
      let round = ROUNDS;
      await until(async () => {
        // A checkpoint begins as the log fills, and compaction after it.
        await append(
          Array.from({ length: ITEMS }, (_, item) => eventOf(++round * DELETES_EVERY + 1, item)),
        );
        const head = await fetch(url, { method: "HEAD" });
        return head.headers.has("stream-compacted");
      }, () => "it is never compacted");
      const messages: unknown[] = await (await fetch(`${url}?offset=-1`)).json();
      ok(messages.length < round * ITEMS, `${messages.length} messages are left`);
      const db = createStreamDB({
        streamOptions: { url, contentType: "application/json" },
        live: "sse",
        state: SCHEMA,
      });
      try {
        await db.preload();
        const found = [...db.collections.items.values()].map(({ id, value }) =>
          [id, value] as const
        );
        deepEqual(new Map(found.sort()), new Map([...expected].sort()));
      } finally {
        db.close();
      }
    },
  );
}
