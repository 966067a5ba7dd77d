import { openFileStorage } from "../../../src/storage/file/open.ts";
import type { FileStorageOptions } from "../../../src/storage/file/options.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { FaultyFileSystem } from "./faulty_file_system.ts";
import { ManualClock } from "../manual_clock.ts";
import { MemoryCatalogDriver, MemoryDatabase } from "./memory_catalog.ts";
import { Random } from "../random.ts";

/** A machine whose disk fails and whose power goes: one process after the other runs the storage on it. */
export class Machine {
  fileSystem: FaultyFileSystem;
  database = new MemoryDatabase();
  clock = new ManualClock();
  readonly dir: string;
  readonly #random: Random;
  /** Apart from the disk's: what subscriptions draw changes nothing there. */
  readonly #jitter = new Random(1);

  constructor(random: Random, options: { dir?: string; hasBarrier?: boolean } = {}) {
    this.#random = random;
    this.dir = options.dir ?? "/streams";
    this.fileSystem = new FaultyFileSystem({ random, hasBarrier: options.hasBarrier ?? true });
  }

  /** Starts the storage in the present process. */
  open(options: Partial<FileStorageOptions> = {}): Promise<Storage> {
    return openFileStorage({
      walBytes: 256 * 1024,
      ...options,
      dir: this.dir,
      clock: this.clock,
      random: () => this.#jitter.next(),
      fileSystem: this.fileSystem,
      database: new MemoryCatalogDriver(this.database, this.fileSystem),
    });
  }

  /** Ends the process: `crash` takes all that wasn't synced, `kill` nothing of what was written. */
  end(how: "crash" | "kill"): void {
    this.fileSystem = how === "crash" ? this.fileSystem.crash() : this.fileSystem.kill();
    this.database = this.database.afterEnd(this.#random);
    // A clock of its own: the dead process's timers are never due.
    this.clock = new ManualClock(this.clock.nowMs());
  }
}
