import { yieldToEventLoop } from "../../support/event_loop.ts";
import type { FileStorageOptions } from "../../../src/storage/file/options.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { backUpToFolder, generations } from "../../../src/storage/file/backup/generations.ts";
import { DirectoryError } from "../../../src/storage/file/directory/damage.ts";
import { Random } from "../../support/random.ts";
import { Machine } from "../../support/simulation/machine.ts";
import { MemoryCatalogDriver } from "../../support/simulation/memory_catalog.ts";
import { Violation } from "../history/violation.ts";
import { BackupClient, makeShared, type Op } from "./client.ts";
import { checkRestored, restoreDamaged } from "./restored.ts";

const KIB = 1024;
const BACKUPS = "/backups";
const CLIENTS = 3;

/** A backup that began: what had been acknowledged then, and what may be in it. */
export interface Attempt {
  readonly name: string;
  /** For each client, how many of its ops have to be in it. */
  readonly floors: readonly number[];
  /** For each client, what it had asked for when the backup ended, or its process. */
  ops: readonly (readonly Op[])[] | undefined;
}

/** How a history went. */
export interface BackupHistory {
  readonly backups: number;
  readonly cutShort: number;
  readonly damaged: number;
}

/** What a history works on. */
export class BackupWorld {
  readonly random: Random;
  readonly machine: Machine;
  readonly clients = Array.from({ length: CLIENTS }, (_, i) => new BackupClient(i));
  readonly attempts: Attempt[] = [];
  readonly options: Partial<FileStorageOptions>;
  storage: Storage | undefined;
  #running: Attempt | undefined;
  violation: unknown;

  constructor(seed: number) {
    const random = new Random(seed);
    this.random = random;
    this.machine = new Machine(random.split(), { dir: "/data", hasBarrier: random.chance(0.5) });
    this.options = {
      walBytes: random.pick([64, 128, 256]) * KIB,
      segmentBytes: random.pick([4096, 10_000, 16_384, 65_536]),
      checkpointStreams: random.pick([0, 2, 50_000]),
      checkpointIntervalMs: random.pick([300, 5000]),
      earlyWriteBytes: random.pick([8 * KIB, 1024 * KIB]),
      barrierFiles: random.pick([0, 4096]),
      maxOpenFiles: random.pick([2, 512]),
    };
  }

  /** Begins a backup, unless one runs. */
  startBackup(): void {
    if (this.#running !== undefined) return;
    this.machine.clock.advance(5);
    const { clock, fileSystem, database, dir } = this.machine;
    const name = new Date(clock.nowMs()).toISOString().replaceAll(":", "-");
    const floors = this.clients.map(({ acknowledged }) => acknowledged);
    const attempt: Attempt = { name, floors, ops: undefined };
    this.attempts.push(attempt);
    this.#running = attempt;
    backUpToFolder(BACKUPS, {
      fileSystem,
      database: new MemoryCatalogDriver(database, fileSystem),
      clock,
      dir,
      pace: { spend: () => yieldToEventLoop() },
    }).then(
      () => this.endBackup(),
      (error) => {
        // It may have got its name before its process died.
        this.endBackup();
        // A log of a few KiB may be used again at any time, which it has to say.
        const isOvertaken = error instanceof DirectoryError && /times in a row/.test(error.message);
        if (!fileSystem.process.hasExited && !isOvertaken) this.violation ??= error;
      },
    );
  }

  get isBackingUp(): boolean {
    return this.#running !== undefined;
  }

  /** What the clients have asked for by now is all that may be in it. */
  endBackup(): void {
    if (this.#running === undefined) return;
    this.#running.ops = this.clients.map(({ ops }) => ops.slice());
    this.#running = undefined;
  }
}

/**
 * Runs the history of a seed: clients write to a storage that is killed and loses its power, backups are
 * taken meanwhile, and each that ended is restored and compared.
 *
 * @throws {Violation}
 */
export async function runBackupHistory(seed: number): Promise<BackupHistory> {
  const world = new BackupWorld(seed);
  const { random, machine } = world;
  const lives = random.between(1, 4);
  for (let life = 0; life < lives; life++) {
    await live(world, life === lives - 1);
    machine.end(random.pick(["crash", "kill"]));
  }
  const found = generations(machine.fileSystem, BACKUPS);
  let damaged = 0;
  for (const { name, root } of found) {
    const attempt = world.attempts.find((each) => each.name === name);
    if (attempt?.ops === undefined) throw new Violation(`Nobody knows of the backup ${name}`);
    await checkRestored(world, root, { ...attempt, ops: attempt.ops });
    if (random.chance(0.3) && await restoreDamaged(world, root)) damaged++;
  }
  const cutShort = world.attempts.length - found.length;
  return { backups: found.length, cutShort, damaged };
}

async function live(world: BackupWorld, isLast: boolean): Promise<void> {
  const { machine, random, clients } = world;
  const { process } = machine.fileSystem;
  if (!isLast && random.chance(0.7)) process.exitAfter(random.between(50, 3000));
  const storage = await settled(world, machine.open(world.options));
  if (storage === undefined) return world.endBackup();
  if (await settled(world, begin(storage, clients).then(() => true)) === undefined) {
    return world.endBackup();
  }
  const steps = random.between(10, 80);
  const backupChance = random.pick([0.02, 0.1]);
  for (let step = 0; step < steps && !process.hasExited; step++) {
    for (const client of clients) {
      if (client.isWaiting || random.chance(0.3)) continue;
      client.next(storage, random).catch((error) => {
        if (!process.hasExited) world.violation ??= error;
      });
    }
    if (random.chance(backupChance)) world.startBackup();
    if (random.chance(0.3)) machine.clock.advance(random.between(1, 700));
    for (let turns = random.below(30); turns > 0; turns--) await yieldToEventLoop();
    if (world.violation !== undefined) throw asViolation(world.violation);
  }
  if (isLast) world.startBackup();
  for (let turns = 0; !process.hasExited && isBusy(world); turns++) {
    if (turns > 30_000) throw new Violation("A backup or an answer never comes");
    if (turns % 50 === 49) machine.clock.advance(300);
    await yieldToEventLoop();
    if (world.violation !== undefined) throw asViolation(world.violation);
  }
  world.endBackup();
}

/** Answers are waited for only where a backup is: a process may end with requests under way. */
function isBusy(world: BackupWorld): boolean {
  return world.isBackingUp;
}

async function begin(storage: Storage, clients: readonly BackupClient[]): Promise<void> {
  await makeShared(storage);
  for (const client of clients) await client.resolve(storage);
}

/** What a call comes to, while the time goes on; `undefined` where the process ends before. */
export async function settled<T>(world: BackupWorld, call: Promise<T>): Promise<T | undefined> {
  const { machine } = world;
  const { process } = machine.fileSystem;
  let outcome: { value: T } | { error: unknown } | undefined;
  call.then((value) => outcome = { value }, (error) => outcome = { error });
  for (let turns = 0; outcome === undefined && !process.hasExited; turns++) {
    if (turns > 20_000) throw new Violation("An answer never comes");
    if (turns % 50 === 49) machine.clock.advance(300);
    await yieldToEventLoop();
  }
  if (outcome === undefined || process.hasExited) return undefined;
  if ("error" in outcome) throw asViolation(outcome.error);
  return outcome.value;
}

function asViolation(error: unknown): Error {
  if (error instanceof Violation) return error;
  const found = error instanceof Error ? error.stack ?? error.message : String(error);
  return new Violation(found);
}
