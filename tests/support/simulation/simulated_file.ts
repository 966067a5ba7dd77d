import type { Bytes } from "../../../src/protocol/bytes.ts";
import type { Random } from "../random.ts";

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** How much of what was not synced a crash leaves. */
export type Survival = "nothing" | "everything" | "some";

/** What a sync that has begun will make durable. */
export interface FileSync {
  sectors: Map<number, Bytes>;
  sizeBytes: number;
}

/**
 * A file twice over: as processes see it, and as the disk has it. In between are, for each sector, all
 * that was written to it since it was last synced, any of which may have reached the disk by itself.
 */
export class SimulatedFile {
  #seen: Bytes = new Uint8Array(0);
  #sizeBytes = 0;
  #disk: Bytes = new Uint8Array(0);
  #diskSizeBytes = 0;
  readonly #unsynced = new Map<number, Bytes[]>();
  #unsyncedSizes: number[] = [];
  /** Sectors that a failed sync dropped: seen, taken for written, and not on the disk. */
  readonly #lost = new Set<number>();

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whether a sync has anything to do. */
  get isDirty(): boolean {
    return this.#unsynced.size > 0 || this.#unsyncedSizes.length > 0;
  }

  /** As `File.readSync`. */
  read(into: Bytes, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.#sizeBytes - position));
    into.set(this.#seen.subarray(position, position + length));
    return length;
  }

  write(bytes: Bytes, position: number): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    this.#seen = withRoom(this.#seen, end);
    this.#seen.set(bytes, position);
    this.#note(position, end);
    if (end > this.#sizeBytes) this.#resize(end);
  }

  truncate(lengthBytes: number): void {
    if (lengthBytes === this.#sizeBytes) return;
    this.#seen = withRoom(this.#seen, lengthBytes);
    if (lengthBytes < this.#sizeBytes) {
      this.#seen.fill(0, lengthBytes, this.#sizeBytes);
      this.#note(lengthBytes, this.#sizeBytes);
    }
    this.#resize(lengthBytes);
  }

  /** What a sync that begins now covers. */
  beginSync(): FileSync {
    const sectors = new Map<number, Bytes>();
    for (const [sector, versions] of this.#unsynced) {
      const newest = versions.at(-1);
      if (newest !== undefined) sectors.set(sector, newest);
    }
    return { sectors, sizeBytes: this.#sizeBytes };
  }

  /** The sync is done. */
  finishSync(sync: FileSync): void {
    for (const [sector, bytes] of sync.sectors) {
      // One that began later may have ended before: what it has put there is newer.
      const isNewest = this.#unsynced.get(sector)?.includes(bytes) || this.#lost.has(sector);
      if (!isNewest) continue;
      this.#putOnDisk(sector, bytes);
      this.#forget(sector, bytes);
      this.#lost.delete(sector);
    }
    this.#settleSize(sync.sizeBytes);
  }

  /** The sync failed: some of it is on the disk, and the rest is taken for written all the same. */
  failSync(sync: FileSync, random: Random): void {
    for (const [sector, bytes] of sync.sectors) {
      this.#forget(sector, bytes);
      if (random.chance(0.5)) this.#putOnDisk(sector, bytes);
      else this.#lost.add(sector);
    }
    this.#settleSize(sync.sizeBytes);
  }

  /** The file after a power failure. */
  afterCrash(survival: Survival, random: Random): SimulatedFile {
    const file = new SimulatedFile();
    file.#disk = this.#disk.slice();
    for (const [sector, versions] of this.#unsynced) {
      const version = versions[survivor(versions.length + 1, survival, random) - 1];
      if (version !== undefined) file.#putOnDisk(sector, version);
    }
    const sizes = this.#unsyncedSizes;
    const size = sizes[survivor(sizes.length + 1, survival, random) - 1] ?? this.#diskSizeBytes;
    file.#disk = withRoom(file.#disk, size);
    file.#disk.fill(0, size);
    file.#seen = file.#disk.slice();
    file.#sizeBytes = size;
    file.#diskSizeBytes = size;
    return file;
  }

  /** A page that the system takes for written may be dropped and read from the disk again. */
  dropLostPages(random: Random): void {
    for (const sector of this.#lost) {
      if (random.chance(0.5)) continue;
      const start = sector * SECTOR_BYTES;
      this.#seen = withRoom(this.#seen, start + SECTOR_BYTES);
      this.#seen.fill(0, start, start + SECTOR_BYTES);
      this.#seen.set(this.#disk.subarray(start, start + SECTOR_BYTES), start);
      this.#lost.delete(sector);
    }
  }

  #note(start: number, end: number): void {
    this.#seen = withRoom(this.#seen, Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES);
    const first = Math.floor(start / SECTOR_BYTES);
    const after = Math.ceil(end / SECTOR_BYTES);
    const copy = this.#seen.slice(first * SECTOR_BYTES, after * SECTOR_BYTES);
    for (let sector = first; sector < after; sector++) {
      const at = (sector - first) * SECTOR_BYTES;
      const version = copy.subarray(at, at + SECTOR_BYTES);
      const versions = this.#unsynced.get(sector);
      if (versions === undefined) this.#unsynced.set(sector, [version]);
      else versions.push(version);
      if (this.#lost.size > 0) this.#lost.delete(sector);
    }
  }

  #resize(sizeBytes: number): void {
    this.#sizeBytes = sizeBytes;
    this.#unsyncedSizes.push(sizeBytes);
  }

  #settleSize(sizeBytes: number): void {
    const settled = this.#unsyncedSizes.lastIndexOf(sizeBytes);
    if (settled < 0) return;
    this.#diskSizeBytes = sizeBytes;
    this.#unsyncedSizes = this.#unsyncedSizes.slice(settled + 1);
  }

  #putOnDisk(sector: number, bytes: Bytes): void {
    this.#disk = withRoom(this.#disk, (sector + 1) * SECTOR_BYTES);
    this.#disk.set(bytes, sector * SECTOR_BYTES);
  }

  #forget(sector: number, through: Bytes): void {
    const versions = this.#unsynced.get(sector);
    if (versions === undefined) return;
    versions.splice(0, versions.indexOf(through) + 1);
    if (versions.length === 0) this.#unsynced.delete(sector);
  }
}

/** Which of the versions a crash leaves, the oldest being the one on the disk. */
function survivor(versions: number, survival: Survival, random: Random): number {
  if (survival === "some") return random.below(versions);
  return survival === "nothing" ? 0 : versions - 1;
}

function withRoom(bytes: Bytes, lengthBytes: number): Bytes {
  if (bytes.length >= lengthBytes) return bytes;
  const grown = new Uint8Array(Math.max(lengthBytes, bytes.length * 2));
  grown.set(bytes);
  return grown;
}
