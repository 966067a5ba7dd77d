import type { FileSystem } from "../../src/env/file_system.ts";
import { nodeFileSystem } from "../../src/env/node_file_system.ts";
import { LogFiles } from "../../src/storage/file/wal/files.ts";
import { type FsyncMode, LogSync } from "../../src/storage/file/wal/sync.ts";
import { LogWriter } from "../../src/storage/file/wal/writer.ts";
import { decodeRecord } from "../../src/storage/file/wal/record_codec.ts";
import { recoverLog } from "../../src/storage/file/wal/recovery.ts";
import { RecoveryTurns } from "../../src/storage/file/wal/recovery_turns.ts";
import type { AppendRecord } from "../../src/storage/records.ts";
import { ManualClock } from "./manual_clock.ts";

const UUID = "00112233-4455-6677-8899-aabbccddeeff";
const NO_ROWS = () => undefined;
const STREAM_ID = 1;

/** The write-ahead log alone, in a directory of the test's own: its records are texts. */
export class WalKit {
  readonly folder: string;
  readonly clock = new ManualClock();
  /** Texts that became durable, in their order. */
  readonly durable: string[] = [];
  fsync: FsyncMode = "always";
  limitBytes = 256 * 1024;
  /** What the catalogue would say. */
  checkpointLsn = 0;
  uuid = UUID;
  fileSystem: FileSystem = nodeFileSystem;
  #writer: LogWriter<string> | undefined;
  #files: LogFiles | undefined;
  #salt = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  get writer(): LogWriter<string> {
    if (this.#writer === undefined) throw new Error("The log is not open.");
    return this.#writer;
  }

  get files(): LogFiles {
    if (this.#files === undefined) throw new Error("The log is not open.");
    return this.#files;
  }

  /** Begins the log of a new directory. */
  async create(): Promise<void> {
    await this.#open({ live: [], recycled: [], lastLsn: 0 });
  }

  /** Reads the log: the texts behind the catalogue's position. */
  async read(): Promise<string[]> {
    const texts: string[] = [];
    const log = await recoverLog(
      this.fileSystem,
      this.folder,
      this.#state(),
      NO_ROWS,
      this.#turns(),
    );
    await log.forEach(({ bytes }) => {
      const record = decodeRecord(bytes);
      texts.push(record.kind === "append" ? new TextDecoder().decode(record.data) : record.kind);
    });
    return texts;
  }

  /** Reads the log and goes on with it. */
  async reopen(): Promise<string[]> {
    await this.close();
    const texts = await this.read();
    await this.#open(
      await recoverLog(this.fileSystem, this.folder, this.#state(), NO_ROWS, this.#turns()),
    );
    return texts;
  }

  /** Adds a record; resolves when it is durable. */
  async add(text: string): Promise<void> {
    await this.writer.durable(this.queue(text));
  }

  /** Adds a record without waiting. */
  queue(text: string): number {
    const record: AppendRecord = {
      kind: "append",
      id: STREAM_ID,
      atMs: 0,
      start: 0,
      data: new TextEncoder().encode(text),
      producer: undefined,
      seq: undefined,
      close: false,
    };
    return this.writer.append(record, text);
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.close();
  }

  /** Names and sizes of the files, sorted. */
  list(): Record<string, number> {
    const names = [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
    return Object.fromEntries(
      names.map((name) => [name, Deno.statSync(`${this.folder}/${name}`).size]),
    );
  }

  /** Changes one bit. */
  flip(name: string, position: number): void {
    flipBit(`${this.folder}/${name}`, position);
  }

  async #open(
    found: Pick<Awaited<ReturnType<typeof recoverLog>>, "live" | "recycled" | "lastLsn">,
  ): Promise<void> {
    const files = new LogFiles(
      {
        fileSystem: this.fileSystem,
        folder: this.folder,
        uuid: this.uuid,
        limitBytes: this.limitBytes,
        newSalt: () => ++this.#salt,
      },
      found.live,
      found.recycled,
    );
    this.#files = files;
    this.#writer = new LogWriter<string>({
      files,
      current: await files.roll(found.lastLsn + 1, 0),
      clock: this.clock,
      fsync: this.fsync,
      fsyncIntervalMs: 1000,
      sync: new LogSync({ clock: this.clock, mayBlock: false, uses: () => 0 }),
      limitBytes: this.limitBytes,
      batchLimitBytes: this.limitBytes / 8,
      nextLsn: found.lastLsn + 1,
      onDurable: (texts) => this.durable.push(...texts),
      onShortage: () => {},
      onFailure: () => {},
    });
  }

  #turns(): RecoveryTurns {
    return new RecoveryTurns(this.clock);
  }

  #state() {
    const { uuid, checkpointLsn } = this;
    return { uuid, lsn: checkpointLsn, nextId: 1, checkpointAtMs: 0, clean: false };
  }
}

/** Changes one bit of a file. */
export function flipBit(path: string, position: number): void {
  const file = Deno.openSync(path, { read: true, write: true });
  try {
    const byte = new Uint8Array(1);
    file.seekSync(position, Deno.SeekMode.Start);
    file.readSync(byte);
    byte[0] = (byte[0] ?? 0) ^ 1;
    file.seekSync(position, Deno.SeekMode.Start);
    file.writeSync(byte);
  } finally {
    file.close();
  }
}
