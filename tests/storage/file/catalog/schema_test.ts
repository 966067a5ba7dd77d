import { deepStrictEqual as equal, throws } from "node:assert";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import type { StreamRow } from "../../../../src/storage/file/catalog/catalog.ts";
import {
  BLOCK_COLUMNS,
  blockValues,
  toBlockRow,
} from "../../../../src/storage/file/catalog/block_rows.ts";
import {
  checkRow,
  identityChecksum,
  producerValues,
  rowChecksum,
  SCHEMA,
  segmentValues,
  STATE_COLUMNS,
  streamValues,
  toProducerRow,
  toSegmentRow,
  toStreamRow,
  updateValues,
} from "../../../../src/storage/file/catalog/schema.ts";
import { createSqliteCatalog } from "../../../../src/storage/file/catalog/sqlite_catalog.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const AT_MS = 1_767_225_600_000;
const UUID = "00112233-4455-6677-8899-aabbccddeeff";
const STREAM: StreamRow = {
  id: 63,
  name: "a/é",
  contentType: "text/plain",
  lifetime: { kind: "ttl", ttlSeconds: 60 },
  fork: { sourceId: 7, sourceName: "src", offset: 5, subOffset: 2, point: 7, messages: 4 },
  softDeleted: false,
  accessedAtMs: AT_MS,
  closed: true,
  closedBy: { id: "p", epoch: 1, seq: 2 },
  seq: "s9",
  producerCount: 1,
  lsn: 1000,
  tail: 12,
  messages: 9,
  lastAtMs: AT_MS + 1,
  earliest: 8,
  earliestMessages: 3,
  policies: '{"retention":{"bytes":5}}',
  trimsAtMs: AT_MS + 7,
  restMessages: 2,
  rest: encodeUtf8("hello"),
};
const PRODUCER = { streamId: 63, producerId: "p", epoch: 1, seq: 2 };
const BLOCK = {
  streamId: 63,
  base: 8192,
  end: 8197,
  atMs: AT_MS,
  messages: 9,
  body: encodeUtf8("hello"),
};
const SEGMENT = { streamId: 63, base: 8192, bytes: 4099, blocks: 1, end: 13000, generation: 2 };

/** A change of the schema is a new format version: change FORMAT.md with it, then this. */
const SCHEMA_SHA256 = "a79bc65e7c7a8813531c4dc4109871bc1bd751300d8dbf3032e9448c031e35ce";

Deno.test("the schema is the one in FORMAT.md", async () => {
  equal(createHash("sha256").update(SCHEMA).digest("hex"), SCHEMA_SHA256);
  const page = await Deno.readTextFile(
    new URL("../../../../src/storage/file/FORMAT.md", import.meta.url),
  );
  equal(page.includes(SCHEMA.trim()), true);
});

Deno.test("an update leaves the row as if it were written whole", () => {
  const changed = { ...STREAM, tail: 99, closedBy: undefined, rest: encodeUtf8("later") };
  const { id, name: _name, contentType: _type, lifetime: _lifetime, fork: _fork, ...state } =
    changed;
  const checksum = identityChecksum(STREAM);
  const endsAtMs = STREAM.accessedAtMs + 60_000;
  equal(
    updateValues({ id, identityChecksum: checksum, endsAtMs, ...state }),
    streamValues(changed).slice(11),
  );
});

Deno.test("a row of stream has its golden values", () => {
  const values = streamValues(STREAM);
  equal(values, [
    63,
    "a/é",
    "text/plain",
    60, // ttl_seconds
    null, // expires_at_ms
    7, // source_id
    "src",
    5, // fork_offset
    2, // fork_sub_offset
    7, // fork_point
    4, // fork_messages
    0, // soft_deleted
    AT_MS,
    1, // closed
    "p",
    1,
    2,
    "s9",
    1, // producers
    1000, // position
    12, // tail
    9, // messages
    AT_MS + 1,
    8, // earliest
    3, // earliest_messages
    '{"retention":{"bytes":5}}',
    2, // rest_messages
    encodeUtf8("hello"),
    // The CRC-32 of "63\n=a/é\n=text/plain\n60\n~\n7\n=src\n5\n2\n7\n4\n0\n1767225600000\n1\n=p\n1\n2\n" +
    // "=s9\n1\n1000\n12\n9\n1767225600001\n8\n3\n={\"retention\":{\"bytes\":5}}\n2\nhello\n".
    2910041930,
    AT_MS + 60_000, // ends_at_ms
    AT_MS + 7, // trims_at_ms
  ]);
});

Deno.test("checksums of rows are the golden numbers", () => {
  // "63\n=p\n1\n2\n"
  equal(producerValues(PRODUCER), [63, "p", 1, 2, 3231190105]);
  // "63\n8192\n4099\n1\n13000\n2\n"
  equal(segmentValues(SEGMENT), [63, 8192, 4099, 1, 13000, 2, 3288006407]);
  // "63\n8192\n8197\n1767225600000\n9\nhello\n"
  equal(blockValues(BLOCK), [63, 8192, 8197, AT_MS, 9, encodeUtf8("hello"), 1330801361]);
  // "=00112233-4455-6677-8899-aabbccddeeff\n1000\n64\n1767225600000\n1\n"
  equal(rowChecksum([UUID, 1000, 64, AT_MS, 1]), 146129780);
});

Deno.test("rows come back from SQLite as they were stored", () =>
  withTempDir((dir) => {
    const path = `${dir}/catalog.sqlite`;
    createSqliteCatalog(path, UUID);
    const database = new DatabaseSync(path);
    const bare: StreamRow = {
      ...STREAM,
      id: 64,
      name: "=~",
      lifetime: { kind: "forever" },
      fork: undefined,
      softDeleted: true,
      closed: false,
      closedBy: undefined,
      seq: undefined,
      policies: undefined,
      trimsAtMs: Infinity,
      rest: new Uint8Array(),
    };
    const until: StreamRow = {
      ...bare,
      id: 65,
      name: "until",
      lifetime: { kind: "until", expiresAtMs: AT_MS },
      seq: "",
      fork: {
        sourceId: 63,
        sourceName: "a/é",
        offset: undefined,
        subOffset: 0,
        point: 12,
        messages: undefined,
      },
    };
    const insert = database.prepare(`INSERT INTO stream VALUES (${Array(31).fill("?").join()})`);
    for (const row of [STREAM, bare, until]) insert.run(...streamValues(row));
    const found = database.prepare("SELECT * FROM stream ORDER BY id").all();
    equal(found.map((row) => toStreamRow(row, path)), [STREAM, bare, until]);

    database.prepare("INSERT INTO producer VALUES (?, ?, ?, ?, ?)").run(
      ...producerValues(PRODUCER),
    );
    database.prepare("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)").run(
      ...segmentValues(SEGMENT),
    );
    database.prepare("INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?)").run(...blockValues(BLOCK));
    const [block] = database.prepare("SELECT * FROM block").all();
    equal(block && toBlockRow(block, path), BLOCK);
    for (const column of BLOCK_COLUMNS) {
      const value = column === "body" ? encodeUtf8("hellp") : 7;
      throws(() => toBlockRow({ ...block, [column]: value }, path), /damaged.*row of block/);
    }
    const [producer] = database.prepare("SELECT * FROM producer").all();
    const [segment] = database.prepare("SELECT * FROM segment").all();
    equal(producer && toProducerRow(producer, path), PRODUCER);
    equal(segment && toSegmentRow(segment, path), SEGMENT);
    database.close();
  }));

Deno.test("a new catalogue holds its state only", () =>
  withTempDir((dir) => {
    const path = `${dir}/catalog.sqlite`;
    createSqliteCatalog(path, UUID);
    const database = new DatabaseSync(path);
    const state = database.prepare("SELECT * FROM state").get() ?? {};
    equal(STATE_COLUMNS.map((column) => state[column]), [UUID, 0, 1, 0, 1]);
    checkRow(state, STATE_COLUMNS, path, "state");
    equal(database.prepare("SELECT count(*) AS n FROM stream").get()?.n, 0);
    equal(database.prepare("PRAGMA journal_mode").get()?.journal_mode, "wal");
    database.close();
  }));

Deno.test("a row with any column changed is damaged", () =>
  withTempDir((dir) => {
    const path = `${dir}/catalog.sqlite`;
    createSqliteCatalog(path, UUID);
    const database = new DatabaseSync(path);
    const insert = database.prepare(`INSERT INTO stream VALUES (${Array(31).fill("?").join()})`);
    insert.run(...streamValues(STREAM));
    const row = database.prepare("SELECT * FROM stream").get() ?? {};
    for (const [column, value] of Object.entries(row)) {
      // When a stream ends is a function of other columns, and when it is trimmed is nearly so: only indexes.
      if (column === "ends_at_ms" || column === "trims_at_ms") continue;
      const other = typeof value === "number" ? value + 1 : value === null ? 0 : `${value}x`;
      throws(
        () => toStreamRow({ ...row, [column]: other }, path),
        /damaged .*catalog|catalog.*damaged/,
      );
      if (value !== null) throws(() => toStreamRow({ ...row, [column]: null }, path), /damaged/);
    }
    database.close();
  }));
