import type { Storage } from "../../src/storage/storage.ts";
import type { Catalog } from "../../src/storage/file/catalog/catalog.ts";
import { sqliteDriver } from "../../src/storage/file/sqlite_driver.ts";
import { openFileStorage } from "../../src/storage/file/open.ts";
import type { CatalogDriver, FileStorageOptions } from "../../src/storage/file/options.ts";
import { ManualClock } from "./manual_clock.ts";
import { copyKilled } from "./temp_dir.ts";

const MARK = "file-kit/mark";
const INTERVAL_MS = 10;
const LIMIT_MS = 60_000;

/** A file storage under test, which can be made to checkpoint, to close and to crash at will. */
export class FileKit {
  readonly clock: ManualClock;
  /** Called when a checkpoint has committed its rows, and waited for before it commits its position. */
  beforeState: () => Promise<void> = () => Promise.resolve();
  readonly #options: Omit<FileStorageOptions, "dir">;
  readonly #root: string;
  #lives = 0;
  #storage: Storage | undefined;
  #catalog: Catalog | undefined;
  #ends: PromiseWithResolvers<void> = Promise.withResolvers();

  /** @param root a directory of the test's own; the storage's is in it */
  constructor(
    root: string,
    options: Omit<FileStorageOptions, "dir"> = {},
    clock = new ManualClock(),
  ) {
    this.#root = root;
    this.#options = options;
    this.clock = clock;
  }

  /** Where the storage is. */
  get dir(): string {
    return `${this.#root}/${this.#lives}`;
  }

  /** The open storage. */
  get storage(): Storage {
    if (this.#storage === undefined) throw new Error("The storage is not open.");
    return this.#storage;
  }

  /** The catalogue of the open storage. */
  get catalog(): Catalog {
    if (this.#catalog === undefined) throw new Error("The storage is not open.");
    return this.#catalog;
  }

  async open(): Promise<Storage> {
    return this.#storage = await openFileStorage({
      walBytes: 1024 * 1024,
      checkpointIntervalMs: INTERVAL_MS,
      ...this.#options,
      dir: this.dir,
      clock: this.clock,
      database: this.#database(),
    });
  }

  async close(): Promise<void> {
    const storage = this.#storage;
    this.#storage = undefined;
    await storage?.close();
  }

  async reopen(): Promise<Storage> {
    await this.close();
    return await this.open();
  }

  /** Goes on with a copy of the directory as it is now: what a kill leaves. */
  async crash(): Promise<Storage> {
    const from = this.dir;
    this.#lives++;
    copyKilled(from, this.dir);
    await this.close();
    await Deno.remove(from, { recursive: true });
    return await this.open();
  }

  /** Waits until a checkpoint has stored all that was acknowledged so far, and has ended. */
  async checkpoint(): Promise<void> {
    const { storage, catalog } = this;
    await storage.create(MARK, {});
    const { tail } = await storage.append(MARK, {
      contentType: "application/octet-stream",
      body: Uint8Array.of(1),
    });
    do {
      const { promise } = this.#ends;
      this.clock.advance(2 * INTERVAL_MS);
      await within(promise, storage);
    } while (catalog.byName(MARK)?.tail !== tail);
  }

  /** SQLite's, and it tells when a checkpoint has ended: then the storage asks what has expired. */
  #database(): CatalogDriver {
    return {
      ...sqliteDriver,
      open: (path) => {
        const catalog = sqliteDriver.open(path);
        const expired = catalog.expired.bind(catalog);
        catalog.expired = (nowMs, after, limit) => {
          this.#ends.resolve();
          this.#ends = Promise.withResolvers();
          return expired(nowMs, after, limit);
        };
        const storeState = catalog.storeState.bind(catalog);
        catalog.storeState = async (state) => {
          await this.beforeState();
          await storeState(state);
        };
        return this.#catalog = catalog;
      },
    };
  }
}

/** A checkpoint that fails doesn't end; then the storage says why. */
async function within(ended: Promise<void>, storage: Storage): Promise<void> {
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), LIMIT_MS);
  const outcome = await Promise.race([ended, late.promise]);
  clearTimeout(timer);
  if (outcome !== "late") return;
  await storage.create(MARK, {});
  throw new Error(`No checkpoint ended within ${LIMIT_MS} ms.`);
}
