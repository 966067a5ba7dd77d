import { Buffer } from "node:buffer";
import { close, openSync, write } from "node:fs";

const STDERR = 2;
/** More is not kept for a reader of stderr, or a disk, that doesn't take it. */
const LIMIT_BYTES = 4 * 1024 * 1024;
/** How long a descriptor that takes nothing now is left alone. */
const RETRY_MS = 50;
const FILE_MODE = 0o640;

/** Writes lines in the background: whoever has some to write never waits. */
export class LineWriter {
  readonly #descriptor: number;
  readonly #onError: (error: Error) => void;
  #isFailing = false;
  #queued: Buffer[] = [];
  #queuedBytes = 0;
  #isWriting = false;
  #closed: Promise<void> | undefined;
  /** Called once nothing is queued. */
  #onIdle: (() => void)[] = [];

  /**
   * @param path a file, which is made where it is missing, to whose end they go; stderr unless given
   * @param onError called where a write fails, and not again before one succeeds
   * @throws {Error} of the system, where the file can't be opened
   */
  constructor(path: string | undefined, onError: (error: Error) => void) {
    this.#descriptor = path === undefined ? STDERR : openSync(path, "a", FILE_MODE);
    this.#onError = onError;
  }

  /**
   * Takes lines, each with its end.
   *
   * @returns false where so much is queued that they aren't taken
   */
  write(lines: string): boolean {
    const bytes = Buffer.from(lines);
    if (this.#queuedBytes + bytes.length > LIMIT_BYTES) return false;
    this.#queued.push(bytes);
    this.#queuedBytes += bytes.length;
    if (!this.#isWriting) this.#writeNext();
    return true;
  }

  /** Resolves once what was taken is written, or lost. */
  flush(): Promise<void> {
    if (!this.#isWriting) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Closes the file after what was taken is written. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  /** Once only: by then its descriptor may be another file's. */
  async #close(): Promise<void> {
    await this.flush();
    if (this.#descriptor === STDERR) return;
    await new Promise<void>((resolve) => close(this.#descriptor, () => resolve()));
  }

  #writeNext(): void {
    const bytes = Buffer.concat(this.#queued);
    this.#queued = [];
    if (bytes.length === 0) return this.#idle();
    this.#isWriting = true;
    this.#writeAll(bytes);
  }

  #writeAll(bytes: Buffer): void {
    write(this.#descriptor, bytes, 0, bytes.length, null, (error, written) => {
      if (error !== null && isBusy(error)) {
        setTimeout(() => this.#writeAll(bytes), RETRY_MS);
        return;
      }
      if (error === null && written < bytes.length) {
        this.#queuedBytes -= written;
        return this.#writeAll(bytes.subarray(written));
      }
      this.#noteEnd(error);
      this.#queuedBytes -= bytes.length;
      this.#writeNext();
    });
  }

  #noteEnd(error: Error | null): void {
    if (error !== null && !this.#isFailing) this.#onError(error);
    this.#isFailing = error !== null;
  }

  #idle(): void {
    this.#isWriting = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

function isBusy(error: Error): boolean {
  return "code" in error && (error.code === "EAGAIN" || error.code === "EINTR");
}
