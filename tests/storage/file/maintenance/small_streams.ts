import { DatabaseSync } from "node:sqlite";
import { encodeUtf8 } from "../../../../src/protocol/bytes.ts";
import { blockValues } from "../../../../src/storage/file/catalog/block_rows.ts";
import type { BlockRow } from "../../../../src/storage/file/catalog/catalog.ts";
import { SqliteLookups } from "../../../../src/storage/file/catalog/lookups.ts";
import { FileKit } from "../../../support/file_kit.ts";
import { readAll, type SampleContents } from "./sample_directory.ts";

/** A stopped directory whose streams have blocks in the catalogue and no files. */
export interface SmallStreams {
  readonly dir: string;
  readonly contents: SampleContents;
}

/** Makes one: streams of JSON and of text with three blocks each and a rest, and a fork of the first. */
export async function makeSmallStreams(root: string): Promise<SmallStreams> {
  const kit = new FileKit(root, { walBytes: 256 * 1024 });
  const storage = await kit.open();
  await storage.create("json", { contentType: "application/json" });
  await storage.create("text", { contentType: "text/plain" });
  for (let i = 0; i < 40; i++) {
    const json = JSON.stringify({ i, text: "é".repeat(150) });
    await storage.append("json", { contentType: "application/json", body: encodeUtf8(json) });
    const body = encodeUtf8(`line ${i} ${"x".repeat(320)}\n`);
    await storage.append("text", { contentType: "text/plain", body });
  }
  await kit.checkpoint();
  await storage.create("fork", { fork: { source: "json" } });
  await storage.append("fork", { contentType: "application/json", body: encodeUtf8("[1,2]") });
  const contents = await readAll(storage);
  const { dir } = kit;
  await kit.close();
  return { dir, contents };
}

/** The blocks of a stream in a directory that nobody uses. */
export function blocksOf(dir: string, streamId: number): BlockRow[] {
  const path = `${dir}/catalog.sqlite`;
  const lookups = new SqliteLookups(path, new DatabaseSync(path));
  try {
    return lookups.blocks(streamId);
  } finally {
    lookups.closeLookups();
  }
}

/** Runs a statement on the catalogue of a directory that nobody uses. */
export function changeCatalog(dir: string, statement: string): void {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  try {
    database.exec(statement);
  } finally {
    database.close();
  }
}

/** Puts a block into the catalogue as a program would that has stored it so: its checksum is right. */
export function putBlock(dir: string, block: BlockRow): void {
  const database = new DatabaseSync(`${dir}/catalog.sqlite`);
  try {
    database.prepare("INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(...blockValues(block));
  } finally {
    database.close();
  }
}
