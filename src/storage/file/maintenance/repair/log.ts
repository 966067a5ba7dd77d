import { basename, join } from "node:path";
import type { Bytes } from "../../../../protocol/bytes.ts";
import {
  batchSeed,
  encodeLogHeader,
  LOG_HEADER_BYTES,
  logFileName,
  type LogHeader,
  logSeed,
} from "../../wal/format.ts";
import { deletionBatch, fillerBatch, fillerBytes } from "./filler_batch.ts";
import { type BatchPosition, findLogEnd, type LogEnd } from "../../wal/log_end.ts";
import type { WalkedBatch } from "../../wal/log_walk.ts";
import type { CatalogView } from "./catalog_view.ts";
import { gatherLogFiles, type RepairedLogFile } from "./log_files.ts";
import { LogDataLoss } from "./log_data_loss.ts";
import { orphansOf } from "./orphan_records.ts";
import { zeros } from "../../directory/quarantine.ts";
import type { RepairScope } from "./scope.ts";

/** A new log file's size: the least that a server makes. */
const NEW_FILE_BYTES = 64 * 1024;

/** The position in a file up to which the log is whole. */
interface FilePosition {
  readonly file: RepairedLogFile;
  readonly filePosition: number;
}

/** The demands of a repaired log on the catalogue's state. */
export interface RepairedLog {
  /** The greatest id of what was cut off, 0 where nothing was: it must not be given again. */
  readonly lostId: number;
  /** The log begins after this record at the latest: the catalogue's position must not be less. */
  readonly lsn: number;
}

/**
 * Makes the log one that a server starts with: damaged records that the catalogue holds anyway are
 * replaced by ones that do nothing, and at other damage the log is cut.
 */
export async function repairLog(scope: RepairScope, view: CatalogView): Promise<RepairedLog> {
  const log = new LogRepair(scope, view);
  await log.run();
  return { lostId: log.lostId, lsn: log.lsn };
}

class LogRepair {
  readonly #scope: RepairScope;
  readonly #view: CatalogView;
  readonly #dataLoss: LogDataLoss;
  /** The batches that stay, whose records are read again at the end. */
  readonly #keptBatches: { file: RepairedLogFile; batch: WalkedBatch }[] = [];
  #expected = 0;
  #lsn: number;
  #end: FilePosition | undefined;

  constructor(scope: RepairScope, view: CatalogView) {
    this.#scope = scope;
    this.#view = view;
    this.#lsn = view.lsn;
    this.#dataLoss = new LogDataLoss(scope, view);
  }

  get lostId(): number {
    return this.#dataLoss.maxId;
  }

  get lsn(): number {
    return this.#lsn;
  }

  async run(): Promise<void> {
    const { fileSystem, paths } = this.#scope;
    if (fileSystem.list(paths.log) === undefined && !this.#scope.quarantine.isDryRun) {
      fileSystem.makeDirectory(paths.log);
      await fileSystem.syncDirectory(paths.root);
    }
    const files = await gatherLogFiles(this.#scope, this.#view.uuid);
    const [oldest] = files;
    const first = oldest?.header?.firstLsn;
    if (first === undefined && files.length > 1) {
      await this.#skipUnknown(files);
    } else if (first === undefined || first > this.#view.lsn + 1) {
      await this.#startAnew(files);
    } else {
      this.#expected = first;
      await this.#walk(files);
    }
    await this.#finish(files);
    this.#dataLoss.report(paths.log);
  }

  /** The oldest files can't be read: the catalogue may hold their records all the same. */
  async #skipUnknown(files: RepairedLogFile[]): Promise<void> {
    const known = files.findIndex(({ header }) => header !== undefined);
    const first = files[known]?.header?.firstLsn;
    if (first === undefined || first > this.#view.lsn + 1) {
      await this.#startAnew(files);
      return;
    }
    for (const { path } of files.slice(0, known)) {
      await this.#scope.quarantine.moveAside(path);
      const message = `moved away: all of its records are before ${first}, in the catalogue`;
      this.#scope.report({ outcome: "repaired", path, message });
    }
    this.#expected = first;
    await this.#walk(files.slice(known));
  }

  async #walk(files: readonly RepairedLogFile[]): Promise<void> {
    for (const [i, file] of files.entries()) {
      const rest = files.slice(i);
      if (file.header === undefined) {
        // Nothing is known of it: it may be all zeros, or hold what is missing from here on.
        await this.#cutBefore(rest);
        return;
      }
      const { firstLsn } = file.header;
      if (firstLsn < this.#expected) {
        await this.#scope.quarantine.moveAside(file.path);
        const message = `moved away: it begins with record ${firstLsn}, which the log has`;
        this.#scope.report({ outcome: "repaired", path: file.path, message });
        continue;
      }
      if (firstLsn > this.#expected && !await this.#fillUpTo(firstLsn)) {
        await this.#cutBefore(rest);
        return;
      }
      if (!await this.#walkFile(file)) {
        const end = this.#end ?? { file, filePosition: LOG_HEADER_BYTES };
        await this.#cut(end, files.slice(i + 1));
        return;
      }
    }
  }

  /** False where the log has to be cut at {@link #end}. */
  async #walkFile(file: RepairedLogFile): Promise<boolean> {
    let start = { filePosition: LOG_HEADER_BYTES, lsn: this.#expected };
    while (true) {
      const { filePosition, lsn, proof } = this.#keepBatches(file, start);
      this.#expected = lsn;
      this.#end = { file, filePosition };
      if (proof === undefined) return true;
      const next = file.batches.find((batch) =>
        batch.isWhole && batch.filePosition >= filePosition
      );
      if (next === undefined || !await this.#fillHole(this.#end, next)) return false;
      start = { filePosition: next.filePosition, lsn: next.header.firstLsn };
    }
  }

  #keepBatches(file: RepairedLogFile, start: BatchPosition): LogEnd {
    const rest = file.batches.filter(({ filePosition }) => filePosition >= start.filePosition);
    const batches = findLogEnd(rest, start);
    let next = batches.next();
    for (; !next.done; next = batches.next()) this.#keptBatches.push({ file, batch: next.value });
    return next.value;
  }

  /** Replaces a damaged part before a batch, if the catalogue holds all of it. */
  async #fillHole({ file, filePosition }: FilePosition, next: WalkedBatch): Promise<boolean> {
    const last = next.header.firstLsn - 1;
    const lengthBytes = next.filePosition - filePosition;
    if (last < this.#expected || last > this.#view.lsn || lengthBytes <= 0) return false;
    const seed = batchSeed(file.seed, filePosition);
    const bytes = fillerBatch(this.#expected, last, seed, lengthBytes);
    if (bytes === undefined) return false;
    await this.#fill(file, filePosition, last, bytes);
    return true;
  }

  /** Replaces the records that are missing at a file's end, if the catalogue holds all of them. */
  async #fillUpTo(firstLsn: number): Promise<boolean> {
    if (this.#end === undefined || firstLsn - 1 > this.#view.lsn) return false;
    return await this.#extend(firstLsn - 1);
  }

  async #extend(last: number): Promise<boolean> {
    const end = this.#end;
    if (end === undefined) return false;
    const { file, filePosition } = end;
    if (filePosition + fillerBytes(last - this.#expected + 1) > file.sizeBytes) return false;
    const bytes = fillerBatch(this.#expected, last, batchSeed(file.seed, filePosition));
    if (bytes === undefined) return false;
    await this.#fill(file, filePosition, last, bytes);
    this.#expected = last + 1;
    this.#end = { file, filePosition: filePosition + bytes.length };
    return true;
  }

  async #fill(
    file: RepairedLogFile,
    filePosition: number,
    last: number,
    bytes: Bytes,
  ): Promise<void> {
    await this.#scope.quarantine.change(file.path, [{ bytes, filePosition }]);
    const message =
      `records ${this.#expected} to ${last} at byte ${filePosition} can't be read and ` +
      "were replaced by ones that do nothing: rows of the catalogue include records up to there";
    this.#scope.report({ outcome: "repaired", path: file.path, message });
  }

  /** Cuts after the last whole batch, which is in a file before these. */
  async #cutBefore(files: readonly RepairedLogFile[]): Promise<void> {
    if (this.#end === undefined) await this.#startAnew(files);
    else await this.#cut(this.#end, files);
  }

  /** Later files go first, the newest before the others: what is left is always the start of a log. */
  async #cut(
    { file, filePosition }: FilePosition,
    later: readonly RepairedLogFile[],
  ): Promise<void> {
    this.#dataLoss.add(file, filePosition);
    for (const each of later) this.#dataLoss.add(each, 0);
    for (const { path } of later.toReversed()) {
      await this.#scope.quarantine.moveAside(path);
      this.#scope.report({
        outcome: "repaired",
        path,
        message: "moved away: the log ends before it",
      });
    }
    await this.#scope.quarantine.change(file.path, zeros(filePosition, file.sizeBytes));
    this.#scope.report({
      outcome: "lost",
      path: file.path,
      message:
        `the log was cut at byte ${filePosition}: record ${this.#expected} and what came after ` +
        "it, as far as no row of the catalogue includes it",
    });
  }

  /** Begins a new log where the old one is of no use, or has no room for the missing records. */
  async #startAnew(files: readonly RepairedLogFile[]): Promise<void> {
    const { fileSystem, quarantine, paths, report } = this.#scope;
    for (const each of files) this.#dataLoss.add(each, 0);
    const names = fileSystem.list(paths.log) ?? [];
    for (
      const { path } of files.toReversed().filter(({ path }) => names.includes(basename(path)))
    ) {
      await quarantine.moveAside(path);
      report({
        outcome: "repaired",
        path,
        message: "moved away: it doesn't continue where the catalogue ends",
      });
    }
    this.#keptBatches.length = 0;
    const number = Math.max(0, ...files.map((file) => file.number)) + 1;
    const path = join(paths.log, logFileName(number));
    const firstLsn = Math.max(this.#view.lsn, this.#view.newestLsn) + 1;
    this.#lsn = firstLsn - 1;
    const salt = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const { uuid } = this.#view;
    const header: LogHeader = { number, salt, uuid, firstLsn, sizeBytes: NEW_FILE_BYTES };
    await quarantine.replace(path, [
      { bytes: encodeLogHeader(header), filePosition: 0 },
      ...zeros(LOG_HEADER_BYTES, NEW_FILE_BYTES),
    ]);
    report({
      outcome: "lost",
      path,
      message: `a new log was begun with record ${firstLsn}: of what the old one held after ` +
        `record ${this.#view.lsn}, only what rows of the catalogue include is left`,
    });
    const seed = logSeed(header);
    const file = { path, number, sizeBytes: NEW_FILE_BYTES, header, seed, batches: [] };
    this.#expected = firstLsn;
    this.#end = { file, filePosition: LOG_HEADER_BYTES };
  }

  /**
   * Numbers continue after every row's, and streams and subscriptions that nothing creates are deleted:
   * else a start would stop.
   */
  async #finish(files: readonly RepairedLogFile[]): Promise<void> {
    const needed = Math.max(this.#view.lsn, this.#view.newestLsn);
    if (this.#expected <= needed && !await this.#extend(needed)) await this.#startAnew(files);
    const end = this.#end;
    const orphans = orphansOf(this.#scope.fileSystem, this.#view, this.#keptBatches);
    const { streams, subscriptions } = orphans;
    if (streams.length + subscriptions.length === 0 || end === undefined) return;
    const { file } = end;
    const seed = batchSeed(file.seed, end.filePosition);
    const bytes = deletionBatch(orphans, this.#expected, this.#scope.nowMs, seed);
    if (end.filePosition + bytes.length > file.sizeBytes) {
      await this.#startAnew(files);
      return;
    }
    await this.#scope.quarantine.change(file.path, [{ bytes, filePosition: end.filePosition }]);
    for (const [what, ids] of [["streams", streams], ["subscriptions", subscriptions]] as const) {
      if (ids.length === 0) continue;
      const message = `records of ${what} that nothing makes any more: a deletion of ` +
        `${ids.join(", ")} was added`;
      this.#scope.report({ outcome: "lost", path: file.path, message });
    }
  }
}
