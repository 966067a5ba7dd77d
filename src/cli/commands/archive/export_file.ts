import { type File, FileSystemError } from "../../../env/file_system.ts";
import { nodeFileSystem } from "../../../env/node_file_system.ts";
import { type Bytes, encodeUtf8 } from "../../../protocol/bytes.ts";
import { chunksOf } from "../../../storage/file/backup/copy_file.ts";
import { CommandError } from "../../context/command_error.ts";
import { EXIT } from "../../context/exit_code.ts";
import { readArchive } from "./read_archive.ts";

const BUFFER_BYTES = 256 * 1024;
/** Of an export, which may be cut off within it. */
const BEGINNINGS = [encodeUtf8('{"stream":'), encodeUtf8('{"export":')] as const;

/** A file that an export goes to, behind what an earlier run has left there. */
export class ExportFile {
  /** Streams that are in it. */
  readonly done: ReadonlySet<string>;
  readonly #file: File;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #position: number;

  private constructor(file: File, done: ReadonlySet<string>, position: number) {
    this.#file = file;
    this.done = done;
    this.#position = position;
  }

  /**
   * Opens the file, and makes it where it is missing. A stream that was cut off in it is cut out.
   *
   * @throws {CommandError} where it is no export, or one that has ended
   */
  static async open(path: string): Promise<ExportFile> {
    const file = openOrCreate(path);
    try {
      requireExport(file, path);
      const done = new Set<string>();
      let position = 0;
      let name: string | undefined;
      for await (const { line, endBytes } of readArchive(chunksOf(file, 0, file.size()))) {
        if (line.kind === "done") {
          throw new CommandError(
            `${path} is an export that has ended; name another file, or remove it`,
            EXIT.usage,
          );
        }
        if (line.kind === "stream") name = line.stream.stream;
        if (line.kind !== "end" && line.kind !== "gone" || name === undefined) continue;
        if (line.kind === "end") done.add(name);
        position = endBytes;
      }
      file.truncate(position);
      return new ExportFile(file, done, position);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async write(bytes: Bytes): Promise<void> {
    if (this.#buffered + bytes.length > BUFFER_BYTES) await this.#flush();
    if (bytes.length > BUFFER_BYTES) {
      await this.#file.write(bytes, this.#position);
      this.#position += bytes.length;
      return;
    }
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  /** Makes durable what was written. */
  async close(): Promise<void> {
    try {
      await this.#flush();
      await this.#file.dataSync();
    } finally {
      this.#file.close();
    }
  }

  async #flush(): Promise<void> {
    await this.#file.write(this.#buffer.subarray(0, this.#buffered), this.#position);
    this.#position += this.#buffered;
    this.#buffered = 0;
  }
}

/**
 * Everything behind the last stream that is whole is cut off, so what is there has to be an export's.
 *
 * @throws {CommandError}
 */
function requireExport(file: File, path: string): void {
  const bytes = new Uint8Array(BEGINNINGS[0].length);
  const found = bytes.subarray(0, file.readSync(bytes, 0));
  const mayBe = BEGINNINGS.some((beginning) => found.every((byte, at) => byte === beginning[at]));
  if (mayBe) return;
  throw new CommandError(
    `${path} is there, and is no export that could be gone on with; name another file, or remove it`,
    EXIT.usage,
  );
}

function openOrCreate(path: string): File {
  try {
    return nodeFileSystem.open(path, "write");
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    if (error.kind !== "not_found") throw new CommandError(error.message, EXIT.usage);
  }
  try {
    return nodeFileSystem.open(path, "create");
  } catch (error) {
    if (!(error instanceof FileSystemError)) throw error;
    throw new CommandError(error.message, EXIT.usage);
  }
}
