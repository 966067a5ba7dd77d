/**
 * What has to be undone when the bench ends, however it ends: children killed by their pid, temporary
 * directories removed.
 */
export class Cleanup {
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #directories = new Set<string>();

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

  /** Kills a child and waits until it is gone. */
  async end(child: Deno.ChildProcess): Promise<void> {
    this.#children.delete(child);
    kill(child);
    await child.status;
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

  /** Kills and removes all that is left, without waiting. */
  runNow(): void {
    for (const child of this.#children) kill(child);
    for (const directory of this.#directories) {
      try {
        this.removeDirectory(directory);
      } catch (error) {
        console.error(`could not remove a temporary directory: ${error}`);
      }
    }
  }
}

// Its data is thrown away, so a server isn't given time to shut down.
function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended already
  }
}
