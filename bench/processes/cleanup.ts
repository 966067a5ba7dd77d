const REMOVE_TRIES = 20;
const REMOVE_STEP_MILLIS = 50;
/** Smaller files are left as they are until the end. */
const EMPTIED_BYTES = 64 * 1024;

/**
 * What has to be undone when the bench ends, however it ends: children killed by their pid, temporary
 * directories removed.
 */
export class Cleanup {
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #directories = new Set<string>();
  readonly #others = new Set<() => void>();

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => {
        this.runNow();
        Deno.exit(130);
      });
    }
  }

  /** Has a child killed at the end, unless it was `ended` before. */
  child(child: Deno.ChildProcess): void {
    this.#children.add(child);
  }

  /**
   * Has something else done at the end, in whatever way that comes.
   *
   * @returns undoes that
   */
  atEnd(end: () => void): () => void {
    this.#others.add(end);
    return () => this.#others.delete(end);
  }

  /** Kills a child and waits until it is gone: at once, or in the time it is given to stop by itself. */
  async end(
    child: Deno.ChildProcess,
    signal: "SIGKILL" | "SIGTERM" = "SIGKILL",
    waitMillis = 30_000,
  ): Promise<void> {
    kill(child, signal);
    const timer = setTimeout(() => kill(child, "SIGKILL"), waitMillis);
    await child.status;
    clearTimeout(timer);
    this.#children.delete(child);
  }

  /** Makes a temporary directory that is removed at the end. */
  makeDirectory(parent: string | undefined): string {
    const directory = Deno.makeTempDirSync({
      prefix: "ds-bench-",
      ...(parent === undefined ? {} : { dir: parent }),
    });
    this.#directories.add(directory);
    return directory;
  }

  /** Removes a temporary directory. */
  removeDirectory(directory: string): void {
    this.#directories.delete(directory);
    Deno.removeSync(directory, { recursive: true });
  }

  /**
   * Gives a directory's room back, and leaves its files to be removed at the end: for minutes after many
   * were removed, ext4 takes up to a millisecond to make a new one, which would be the next server's.
   */
  emptyDirectory(directory: string): void {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(directory)) {
      const path = `${directory}/${name}`;
      if (isDirectory) this.emptyDirectory(path);
      else if (isFile && Deno.statSync(path).size >= EMPTIED_BYTES) Deno.truncateSync(path);
    }
  }

  /** Kills and removes all that is left, without waiting. */
  runNow(): void {
    for (const child of this.#children) kill(child, "SIGKILL");
    for (const end of this.#others) end();
    for (const directory of this.#directories) this.#removeAtLast(directory);
  }

  // A child that was killed a moment ago may still be making files.
  #removeAtLast(directory: string): void {
    for (let left = REMOVE_TRIES; left > 0; left--) {
      try {
        this.removeDirectory(directory);
        return;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return;
        if (left === 1) console.error(`could not remove a temporary directory: ${error}`);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, REMOVE_STEP_MILLIS);
      }
    }
  }
}

function kill(child: Deno.ChildProcess, signal: "SIGKILL" | "SIGTERM"): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended already
  }
}
