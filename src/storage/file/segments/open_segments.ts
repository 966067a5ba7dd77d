import type { File, FileSystem, Reserve } from "../../../env/file_system.ts";
import { FileSystemError, isShortage } from "../../../env/file_system.ts";
import { BoundedCache } from "../../bounded_cache.ts";
import { type IndexPages, IndexReader } from "./index_reader.ts";
import { type SegmentName, segmentPaths } from "../directory/paths.ts";
import { giveOwnFile } from "./own_file.ts";
import { WarmRanges } from "./warm_ranges.ts";

/** Pages of indexes in memory, 4 KiB each: those of 2 GiB in blocks of 4 KiB. */
const INDEX_PAGES = 4096;

/** A segment's two files, open. */
export interface OpenSegment {
  readonly log: File;
  readonly index: File;
  readonly indexReader: IndexReader;
  /** The ranges of `log` that are likely in the page cache. */
  readonly warm: WarmRanges;
}

interface Entry extends OpenSegment {
  users: number;
  /** How many of them hold it for as long as a client takes. */
  holders: number;
  isEvicted: boolean;
}

/**
 * The segment files that are open: a small bounded cache, the one used longest ago goes first, and none
 * is closed while it is used.
 */
export class OpenSegments {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  readonly #uuid: string;
  readonly #limit: number;
  readonly #reserve: Pick<Reserve, "isLent"> | undefined;
  readonly #entries: BoundedCache<string, Entry>;
  #heldSegments = 0;
  #isClosed = false;
  readonly #indexPages: IndexPages = new BoundedCache(INDEX_PAGES);

  /**
   * @param uuid the directory's, which each index names
   * @param maxOpenFiles a segment takes two
   * @param reserve while it is lent none stays open that nobody uses: others need those descriptors more
   */
  constructor(
    fileSystem: FileSystem,
    folder: string,
    uuid: string,
    maxOpenFiles: number,
    reserve?: Pick<Reserve, "isLent">,
  ) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
    this.#uuid = uuid;
    this.#reserve = reserve;
    this.#limit = Math.max(1, Math.floor(maxOpenFiles / 2));
    this.#entries = new BoundedCache(this.#limit, {
      isInUse: ({ users }) => users > 0,
      onEvict: (entry) => {
        entry.isEvicted = true;
        if (entry.users === 0) closeFiles(entry);
      },
    });
  }

  /** How many files are open. */
  get openFiles(): number {
    return this.#entries.size * 2;
  }

  /**
   * Lets `use` have a segment's files.
   *
   * @throws {FileSystemError}
   */
  async use<T>(segment: SegmentName, use: (open: OpenSegment) => Promise<T>): Promise<T> {
    const entry = this.#acquire(segment);
    try {
      return await use(entry);
    } finally {
      this.#release(entry);
    }
  }

  /** As {@link use}, for what doesn't wait. */
  useSync<T>(segment: SegmentName, use: (open: OpenSegment) => T): T {
    const entry = this.#acquire(segment);
    try {
      return use(entry);
    } finally {
      this.#release(entry);
    }
  }

  /** Whether another one may be held: half of the files stay for those who don't hold any. */
  get mayHold(): boolean {
    return this.#heldSegments < this.#limit / 2 && this.#reserve?.isLent !== true;
  }

  /** Keeps a segment's files open until the function that is returned is called for the first time. */
  hold(segment: SegmentName): () => void {
    const entry = this.#acquire(segment);
    if (entry.holders++ === 0) this.#heldSegments++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--entry.holders === 0) this.#heldSegments--;
      this.#release(entry);
    };
  }

  /** Makes the files of a new segment; whatever a crash left under their names is overwritten. */
  create(segment: SegmentName): void {
    const paths = segmentPaths(this.#folder, segment.streamId, segment.base, segment.generation);
    this.#entries.delete(keyOf(segment));
    for (const path of [paths.log, paths.index]) this.#createEmpty(path);
  }

  /** Closes a segment's files that are to go, as soon as nobody uses them. */
  forget(segment: SegmentName): void {
    this.#entries.delete(keyOf(segment));
  }

  /** Closes all. A read that is under way may still open files, which are closed as soon as it is done. */
  close(): void {
    this.#isClosed = true;
    this.#entries.clear();
  }

  #createEmpty(path: string): void {
    try {
      this.#fileSystem.open(path, "create").close();
    } catch (error) {
      if (!(error instanceof FileSystemError && error.kind === "exists")) throw error;
      giveOwnFile(this.#fileSystem, path);
      const file = this.#fileSystem.open(path, "write");
      try {
        file.truncate(0);
      } finally {
        file.close();
      }
    }
  }

  #acquire(segment: SegmentName): Entry {
    const key = keyOf(segment);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = this.#open(segment);
      entry.users++;
      if (this.#isClosed) entry.isEvicted = true;
      else this.#entries.set(key, entry);
    } else {
      entry.users++;
    }
    this.#shrink();
    return entry;
  }

  #open(segment: SegmentName): Entry {
    const paths = segmentPaths(this.#folder, segment.streamId, segment.base, segment.generation);
    const log = this.#openFile(paths.log);
    try {
      const index = this.#openFile(paths.index);
      const { streamId, base } = segment;
      const header = { uuid: this.#uuid, streamId, base };
      const indexReader = new IndexReader(index, header, this.#indexPages);
      const warm = new WarmRanges();
      return { log, index, indexReader, warm, users: 0, holders: 0, isEvicted: false };
    } catch (error) {
      log.close();
      throw error;
    }
  }

  /** Where the process, or the system, has no descriptors left, those that nobody uses are given up. */
  #openFile(path: string): File {
    try {
      return this.#fileSystem.open(path, "write");
    } catch (error) {
      if (!isShortage(error) || this.#entries.size === 0) throw error;
      this.#entries.shrink(0);
      return this.#fileSystem.open(path, "write");
    }
  }

  #release(entry: Entry): void {
    entry.users--;
    if (entry.users === 0 && entry.isEvicted) closeFiles(entry);
    else this.#shrink();
  }

  #shrink(): void {
    this.#entries.shrink(this.#reserve?.isLent === true ? 0 : this.#limit);
  }
}

function keyOf({ streamId, base, generation }: SegmentName): string {
  return generation === 0 ? `${streamId}/${base}` : `${streamId}/${base}/${generation}`;
}

function closeFiles({ indexReader, log, index }: OpenSegment): void {
  indexReader.close();
  log.close();
  index.close();
}
