import type { FileStorageOptions } from "../../../src/storage/file/options.ts";
import { backUpToFolder } from "../../../src/storage/file/backup/generations.ts";
import { DirectoryError } from "../../../src/storage/file/directory/damage.ts";
import { yieldToEventLoop } from "../../support/event_loop.ts";
import { Random } from "../../support/random.ts";
import { Machine } from "../../support/simulation/machine.ts";
import { MemoryCatalogDriver } from "../../support/simulation/memory_catalog.ts";
import { Violation } from "../history/violation.ts";
import { BackupClient, type Op } from "./client.ts";

const KIB = 1024;
const SMALL_STREAMS = 0x51a7_0b3d;
/** The folder that backups go to. */
export const BACKUPS = "/backups";
const CLIENTS = 3;

/** A backup that began: what had been acknowledged then, and what may be in it. */
export interface Attempt {
  readonly name: string;
  /** For each client, how many of its ops have to be in it. */
  readonly floors: readonly number[];
  /** For each client, what it had asked for when the backup ended, or its process. */
  ops: readonly (readonly Op[])[] | undefined;
}

/** What a history works on. */
export class BackupWorld {
  readonly random: Random;
  readonly machine: Machine;
  readonly clients = Array.from({ length: CLIENTS }, (_, i) => new BackupClient(i));
  readonly attempts: Attempt[] = [];
  readonly options: Partial<FileStorageOptions>;
  #running: Attempt | undefined;
  /** What has failed that should not have. */
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
      smallStreamBytes: new Random(seed ^ SMALL_STREAMS).pick([0, 10_000, 10_000, 16_384, 60_000]),
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
      throttle: { spend: () => yieldToEventLoop() },
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

  /** Whether one runs. */
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

/** What broke a promise, or kept it from being looked at. */
export function asViolation(error: unknown): Error {
  if (error instanceof Violation) return error;
  const found = error instanceof Error ? error.stack ?? error.message : String(error);
  return new Violation(found);
}
