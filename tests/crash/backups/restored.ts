import { BackupError } from "../../../src/storage/file/backup/check_backup.ts";
import { restoreBackup } from "../../../src/storage/file/backup/restore.ts";
import { openFileStorage } from "../../../src/storage/file/open.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { MemoryCatalogDriver, MemoryDatabase } from "../../support/simulation/memory_catalog.ts";
import { SimulatedFile } from "../../support/simulation/simulated_file.ts";
import { expect, Violation } from "../history/violation.ts";
import { type ClientState, type Op, SHARED, stateAfter } from "./client.ts";
import { readSnapshot, readText } from "./read_text.ts";
import { type BackupWorld, settled } from "./world.ts";

let restores = 0;

/** A directory of its own for each restore. */
function newTarget({ machine }: BackupWorld) {
  const { fileSystem } = machine;
  return {
    fileSystem,
    database: new MemoryCatalogDriver(new MemoryDatabase(), fileSystem),
    dir: `/restored${restores++}`,
    throttle: { spend: () => yieldToEventLoop() },
    mayBeDamaged: false,
  };
}

/** A backup that ended, with what has to be in it and what may be. */
export interface EndedBackup {
  readonly floors: readonly number[];
  readonly ops: readonly (readonly Op[])[];
}

/** Restores a backup and looks whether one moment of every client's doing is in it. */
export async function checkRestored(
  world: BackupWorld,
  root: string,
  { floors, ops }: EndedBackup,
): Promise<void> {
  const target = newTarget(world);
  const { clock } = world.machine;
  await settled(world, restoreBackup(root, target));
  const storage = await settled(world, openFileStorage({ ...world.options, ...target, clock }));
  if (storage === undefined) throw new Violation("The process ended");
  const shared = await readShared(world, storage);
  for (const [client, own] of ops.entries()) {
    const found = await stateOf(world, storage, client, own, shared);
    const floor = floors[client] ?? 0;
    const fits = (count: number) => isSame(stateAfter(own.slice(0, count)), found);
    let count = floor;
    while (count <= own.length && !fits(count)) count++;
    expect(
      count <= own.length,
      `the backup ${root} has no moment of client ${client}: at least ${floor} of its ` +
        `${own.length} were acknowledged before. Found ${describe(found)}, expected from ` +
        `${describe(stateAfter(own.slice(0, floor)))} to ${describe(stateAfter(own))}`,
    );
  }
  await settled(world, storage.close().then(() => true));
}

/** A backup that isn't what was written is never restored. Returns whether there was a byte to change. */
export async function restoreDamaged(world: BackupWorld, root: string): Promise<boolean> {
  const { random, machine } = world;
  const { disk } = machine.fileSystem;
  const paths: string[] = [`${root}/BACKUP`, `${root}/catalog.sqlite`];
  for (const folder of machine.fileSystem.list(`${root}/segments`) ?? []) {
    const at = `${root}/segments/${folder}`;
    for (const name of machine.fileSystem.list(at) ?? []) paths.push(`${at}/${name}`);
  }
  const logs = machine.fileSystem.list(`${root}/wal`) ?? [];
  const isLog = random.chance(0.5);
  const path = isLog ? `${root}/wal/${random.pick(logs)}` : random.pick(paths);
  const file = disk.find(path);
  if (!(file instanceof SimulatedFile) || file.sizeBytes === 0) return false;
  // Of a log file, a byte of its first batch's header: behind its batches any byte may be anything.
  const position = isLog ? 512 + random.below(28) : random.below(file.sizeBytes);
  const byte = new Uint8Array(1);
  file.read(byte, position);
  if (isLog && isEmpty(file)) return false;
  const damaged = new Uint8Array([(byte[0] ?? 0) ^ (1 + random.below(255))]);
  file.write(damaged, position);
  const target = newTarget(world);
  const outcome = restoreBackup(root, target).then(() => "restored", (error: unknown) => error);
  const found = await settled(world, outcome);
  file.write(byte, position);
  expect(
    found instanceof BackupError,
    `a backup with a damaged byte ${position} in ${path} was restored: ${found}`,
  );
  const names = machine.fileSystem.list(target.dir) ?? [];
  expect(!names.includes("FORMAT"), "a damaged backup has left a directory");
  return true;
}

/** Whether a log file has no batch. */
function isEmpty(file: SimulatedFile): boolean {
  const header = new Uint8Array(28);
  file.read(header, 512);
  return header.every((byte) => byte === 0);
}

async function readShared(world: BackupWorld, storage: Storage): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const name of SHARED) {
    const text = await settled(world, readText(storage, name).then((found) => ({ found })));
    texts.set(name, text?.found ?? "");
  }
  return texts;
}

/** What is there of a client's. */
async function stateOf(
  world: BackupWorld,
  storage: Storage,
  client: number,
  ops: readonly Op[],
  texts: ReadonlyMap<string, string>,
): Promise<ClientState> {
  const own = new Map<string, string>();
  const snapshots = new Map<string, string>();
  for (const { name } of ops) {
    if (SHARED.includes(name) || own.has(name)) continue;
    const text = await settled(world, readText(storage, name).then((found) => ({ found })));
    if (text?.found !== undefined) own.set(name, text.found);
    const snapshot = await settled(world, readSnapshot(storage, name).then((kept) => ({ kept })));
    if (snapshot?.kept !== undefined) snapshots.set(name, snapshot.kept);
  }
  const shared = new Map<string, string>();
  for (const [name, text] of texts) {
    const marks = text.match(/\[\d+:\d+:x*\]/g) ?? [];
    expect(marks.join("") === text, `stream ${name} has something that nobody wrote`);
    const its = marks.filter((mark) => mark.startsWith(`[${client}:`)).join("");
    if (its !== "") shared.set(name, its);
  }
  return { own, snapshots, shared };
}

function isSame(a: ClientState, b: ClientState): boolean {
  return sameMaps(a.own, b.own) && sameMaps(a.snapshots, b.snapshots) &&
    sameMaps(a.shared, b.shared);
}

function sameMaps(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, text]) => b.get(name) === text);
}

function describe({ own, snapshots, shared }: ClientState): string {
  const short = (map: ReadonlyMap<string, string>) =>
    [...map].map(([name, text]) => `${name} ${(text.match(/\d+:\d+/g) ?? []).join(" ")}`).join(
      ", ",
    );
  return `{${short(own)} | snapshots ${short(snapshots)} | ${short(shared)}}`;
}
