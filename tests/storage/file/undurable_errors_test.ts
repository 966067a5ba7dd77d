import { deepStrictEqual as equal } from "node:assert";
import { FileSystemError } from "../../../src/env/file_system.ts";
import { encodeUtf8 } from "../../../src/protocol/bytes.ts";
import { StreamError } from "../../../src/protocol/errors.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import type { AppendRequest, Storage } from "../../../src/storage/storage.ts";
import { HookedFileSystem } from "../../support/hooked_file_system.ts";
import { withTempDir } from "../../support/temp_dir.ts";

/**
 * Every refusal of the engine while the log's sync is held: what it rests on isn't durable yet, and may
 * never be.
 */

const TEXT = "text/plain";
const JSON_TYPE = "application/json";
const SOURCES = ["engine.ts", "decide.ts", "fork_point.ts", "range_reader.ts", "offset_spaces.ts"];
/** What rests on bytes on the disk alone. */
const FROM_DISK = ["decide.ts damaged", "range_reader.ts damaged"];
/** What only a compaction brings about, which the commands of no client are under way with. */
const FROM_COMPACTION = ["fork_point.ts offset_compacted"];
const TURNS = 100;

interface Case {
  /** The file that throws it, and its code. */
  throws: string;
  /** What is durable. */
  before?: (storage: Storage) => Promise<unknown>;
  /** What is under way, and rests on nothing. */
  pending: (storage: Storage) => Promise<unknown>[];
  refused: (storage: Storage) => Promise<unknown>;
}

const text = (body = "x", more: Partial<AppendRequest> = {}): AppendRequest => ({
  contentType: TEXT,
  body: encodeUtf8(body),
  ...more,
});
const by = (epoch: number, seq: number, id = "p") => text("x", { producer: { id, epoch, seq } });
const made = (name: string, contentType = TEXT) => (storage: Storage) =>
  storage.create(name, { contentType });
/** A stream that only its fork still needs. */
const forked = (name: string) => async (storage: Storage) => {
  await storage.create(name, { contentType: TEXT, body: encodeUtf8("of the source") });
  await storage.create(`${name}/fork`, { fork: { source: name } });
};

const CASES: readonly Case[] = [
  {
    throws: "engine.ts not_found",
    before: made("deleted/head"),
    pending: (storage) => [storage.delete("deleted/head")],
    refused: (storage) => storage.head("deleted/head"),
  },
  {
    throws: "engine.ts not_found",
    before: made("deleted/read"),
    pending: (storage) => [storage.delete("deleted/read")],
    refused: (storage) => storage.read("deleted/read", 0, 100),
  },
  {
    throws: "engine.ts not_found",
    before: made("deleted/body"),
    pending: (storage) => [storage.delete("deleted/body")],
    refused: async (storage) => await storage.readBody?.("deleted/body", 0, 100, "blob"),
  },
  {
    throws: "engine.ts not_found",
    before: made("deleted/append"),
    pending: (storage) => [storage.delete("deleted/append")],
    refused: (storage) => storage.append("deleted/append", text()),
  },
  {
    throws: "engine.ts not_found",
    before: made("deleted/twice"),
    pending: (storage) => [storage.delete("deleted/twice")],
    refused: (storage) => storage.delete("deleted/twice"),
  },
  {
    throws: "engine.ts not_found",
    before: made("deleted/watch"),
    pending: (storage) => [storage.delete("deleted/watch")],
    refused: (storage) => storage.watch("deleted/watch", () => {}),
  },
  {
    throws: "engine.ts not_found",
    before: made("deleted/source"),
    pending: (storage) => [storage.delete("deleted/source")],
    refused: (storage) => storage.create("deleted/fork", { fork: { source: "deleted/source" } }),
  },
  {
    throws: "engine.ts gone",
    before: forked("gone"),
    pending: (storage) => [storage.delete("gone")],
    refused: (storage) => storage.head("gone"),
  },
  {
    throws: "engine.ts gone",
    before: forked("gone/append"),
    pending: (storage) => [storage.delete("gone/append")],
    refused: (storage) => storage.append("gone/append", text()),
  },
  {
    throws: "fork_point.ts source_deleted",
    before: forked("source"),
    pending: (storage) => [storage.delete("source")],
    refused: (storage) => storage.create("source/another", { fork: { source: "source" } }),
  },
  {
    throws: "fork_point.ts offset_trimmed",
    before: (storage) =>
      storage.create("trimmed/source", { contentType: TEXT, body: encodeUtf8("abc") }),
    pending: (storage) => [
      storage.update?.("trimmed/source", { trimBefore: 3 }) ?? Promise.reject(),
    ],
    refused: (storage) =>
      storage.create("trimmed/fork", { fork: { source: "trimmed/source", offset: 1 } }),
  },
  {
    throws: "fork_point.ts content_type_mismatch",
    pending: (storage) => [storage.create("type/source", { contentType: TEXT })],
    refused: (storage) =>
      storage.create("type/fork", { contentType: JSON_TYPE, fork: { source: "type/source" } }),
  },
  {
    throws: "decide.ts too_many_producers",
    before: made("producers"),
    pending: (storage) => [
      storage.append("producers", by(0, 0, "p")),
      storage.append("producers", by(0, 0, "q")),
    ],
    refused: (storage) => storage.append("producers", by(0, 0, "r")),
  },
  {
    throws: "decide.ts empty_body",
    pending: (storage) => [storage.create("empty", { contentType: TEXT })],
    refused: (storage) => storage.append("empty", text("")),
  },
  {
    throws: "decide.ts stream_closed",
    before: made("closed"),
    pending: (storage) => [storage.append("closed", text("x", { close: true }))],
    refused: (storage) => storage.append("closed", text()),
  },
  {
    throws: "decide.ts invalid_header",
    pending: (storage) => [storage.create("untyped", { contentType: TEXT })],
    refused: (storage) => storage.append("untyped", { body: encodeUtf8("x") }),
  },
  {
    throws: "decide.ts content_type_mismatch",
    pending: (storage) => [storage.create("typed", { contentType: JSON_TYPE })],
    refused: (storage) => storage.append("typed", text()),
  },
  {
    throws: "decide.ts invalid_json",
    pending: (storage) => [storage.create("json", { contentType: JSON_TYPE })],
    refused: (storage) =>
      storage.append("json", { contentType: JSON_TYPE, body: encodeUtf8("[]") }),
  },
  {
    throws: "decide.ts stale_epoch",
    before: made("epoch"),
    pending: (storage) => [storage.append("epoch", by(2, 0))],
    refused: (storage) => storage.append("epoch", by(1, 0)),
  },
  {
    throws: "decide.ts epoch_start",
    before: made("epoch/start"),
    pending: (storage) => [storage.append("epoch/start", by(0, 0))],
    refused: (storage) => storage.append("epoch/start", by(1, 1)),
  },
  {
    throws: "decide.ts sequence_gap",
    before: made("gap"),
    pending: (storage) => [storage.append("gap", by(0, 0))],
    refused: (storage) => storage.append("gap", by(0, 2)),
  },
  {
    throws: "decide.ts offset_mismatch",
    before: made("expected"),
    pending: (storage) => [storage.append("expected", text())],
    refused: (storage) => storage.append("expected", text("y", { expectedTail: 0 })),
  },
  {
    throws: "decide.ts sequence_regression",
    before: made("seq"),
    pending: (storage) => [storage.append("seq", text("x", { seq: "5" }))],
    refused: (storage) => storage.append("seq", text("x", { seq: "5" })),
  },
  {
    throws: "decide.ts stream_exists",
    pending: (storage) => [storage.create("exists", { contentType: TEXT })],
    refused: (storage) => storage.create("exists", { contentType: JSON_TYPE }),
  },
  {
    throws: "decide.ts stream_exists",
    before: forked("exists/softly"),
    pending: (storage) => [storage.delete("exists/softly")],
    refused: (storage) => storage.create("exists/softly", { contentType: TEXT }),
  },
  {
    throws: "fork_point.ts invalid_fork",
    before: made("fork/past"),
    pending: (storage) => [storage.append("fork/past", text())],
    refused: (storage) => storage.create("f1", { fork: { source: "fork/past", offset: 2 } }),
  },
  {
    throws: "fork_point.ts invalid_fork",
    before: made("fork/bytes"),
    pending: (storage) => [storage.append("fork/bytes", text())],
    refused: (storage) =>
      storage.create("f2", { fork: { source: "fork/bytes", offset: 0, subOffset: 2 } }),
  },
  {
    throws: "fork_point.ts invalid_fork",
    before: made("fork/messages", JSON_TYPE),
    pending: (storage) => [
      storage.append("fork/messages", { contentType: JSON_TYPE, body: encodeUtf8("[1]") }),
    ],
    refused: (storage) =>
      storage.create("f3", { fork: { source: "fork/messages", offset: 0, subOffset: 2 } }),
  },
  {
    throws: "offset_spaces.ts offset_gone",
    pending: (storage) => [storage.create("fork/other", { contentType: TEXT })],
    refused: (storage) =>
      storage.create("f6", { fork: { source: "fork/other", offset: { space: 0, position: 0 } } }),
  },
  {
    throws: "offset_spaces.ts offset_gone",
    pending: (storage) => [storage.create("read/other", { contentType: TEXT })],
    refused: (storage) => storage.read("read/other", { space: 0, position: 0 }, 100),
  },
  {
    throws: "decide.ts offset_mismatch",
    pending: (storage) => [storage.create("expected/other", { contentType: TEXT })],
    refused: (storage) =>
      storage.append("expected/other", text("y", { expectedTail: { space: 0, position: 0 } })),
  },
  {
    throws: "range_reader.ts invalid_offset",
    before: made("fork/inside", JSON_TYPE),
    pending: (storage) => [
      storage.append("fork/inside", { contentType: JSON_TYPE, body: encodeUtf8("[1]") }),
    ],
    refused: (storage) => storage.create("f4", { fork: { source: "fork/inside", offset: 1 } }),
  },
  {
    // The fork's first content, which only its source's type makes wrong.
    throws: "decide.ts invalid_json",
    pending: (storage) => [storage.create("fork/json", { contentType: JSON_TYPE })],
    refused: (storage) =>
      storage.create("f5", { body: encodeUtf8("{"), fork: { source: "fork/json" } }),
  },
  {
    // The same of a name that is free only once its stream's deletion is durable.
    throws: "decide.ts invalid_json",
    before: made("free"),
    pending: (storage) => [storage.delete("free")],
    refused: (storage) => storage.create("free", { contentType: JSON_TYPE, body: encodeUtf8("{") }),
  },
  ...(["chunk", "body", "boundary", "since"] as const).map((how): Case => {
    let reading: Promise<unknown> = Promise.resolve();
    const name = `while-read/${how}`;
    return {
      throws: "range_reader.ts not_found",
      before: async (storage) => {
        await storage.create(name, { contentType: JSON_TYPE, body: encodeUtf8("[1,2]") });
        await storage.create(`${name}/fork`, { fork: { source: name } });
        await storage.delete(name);
      },
      pending: (storage) => {
        reading = readLater(storage, `${name}/fork`, how);
        return [storage.delete(`${name}/fork`)];
      },
      refused: () => reading,
    };
  }),
];

/** A read that comes to its bytes only after whatever is asked next. */
async function readLater(storage: Storage, name: string, how: string): Promise<unknown> {
  if (how === "body") return await storage.readBody?.(name, { sinceMs: 0 }, 100, "blob");
  const from = how === "since" ? { sinceMs: 0 } : how === "boundary" ? { lastBytes: 1 } : 0;
  return await storage.read(name, from, 100);
}

Deno.test("every refusal of the engine has a case here", async () => {
  const thrown = new Set<string>();
  for (const file of SOURCES) {
    const source = await Deno.readTextFile(
      new URL(`../../../src/storage/${file}`, import.meta.url),
    );
    for (const [, code] of source.matchAll(/code: "(\w+)"/g)) thrown.add(`${file} ${code}`);
  }
  const known = new Set([...CASES.map(({ throws }) => throws), ...FROM_DISK, ...FROM_COMPACTION]);
  // Judged by the tail that readers see.
  known.add("offset_spaces.ts offset_past_tail");
  equal([...thrown].sort(), [...known].sort());
});

for (const outcome of ["ends", "fails"] as const) {
  Deno.test(`no refusal is given before the sync ${outcome} that it rests on`, () =>
    withTempDir(async (dir) => {
      const fileSystem = new HookedFileSystem();
      const storage = await openFileStorage({
        dir: `${dir}/a`,
        fileSystem,
        maxProducersPerStream: 2,
      });
      for (const { before } of CASES) await before?.(storage);
      const end = holdSyncs(fileSystem);
      const pending = CASES.flatMap(({ pending }) => pending(storage));
      const early: string[] = [];
      const told = CASES.map(({ refused, throws }) =>
        outcomeOf(refused(storage)).finally(() => early.push(throws))
      );
      for (let turn = 0; turn < TURNS; turn++) await new Promise((resume) => setImmediate(resume));
      equal(early, []);
      end(outcome === "fails");
      equal(
        await Promise.all(told),
        CASES.map(({ throws }) => outcome === "fails" ? "storage_failed" : throws.split(" ")[1]),
      );
      await Promise.allSettled(pending);
      await storage.close();
    }));
}

Deno.test("a read past the tail is refused at once, by the tail that readers see", () =>
  withTempDir(async (dir) => {
    const fileSystem = new HookedFileSystem();
    const storage = await openFileStorage({ dir: `${dir}/a`, fileSystem });
    await storage.create("a", { contentType: TEXT, body: encodeUtf8("12") });
    const end = holdSyncs(fileSystem);
    const pending = storage.append("a", text("345"));
    equal(await outcomeOf(storage.read("a", 4, 100)), "offset_past_tail");
    end(false);
    await pending;
    await storage.close();
  }));

async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    return error instanceof StreamError ? error.code : String(error);
  }
}

/** Syncs of the log wait until the returned function is called; those that wait may fail then. */
function holdSyncs(fileSystem: HookedFileSystem): (fails: boolean) => void {
  const gate = Promise.withResolvers<void>();
  fileSystem.before = ({ call, path }) => {
    if (call === "sync" && path.includes("/wal/")) return gate.promise;
  };
  return (fails) => {
    fileSystem.before = () => {};
    if (fails) gate.reject(new FileSystemError("other", "sync", "wal", "input/output error"));
    else gate.resolve();
  };
}
