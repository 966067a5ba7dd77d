import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;

/** A real file system with a limit of its own, in memory, which can be filled up by a file beside. */
export class SmallDisk {
  /** Where it is mounted. */
  readonly path: string;
  /** Where the program may have its directory. */
  readonly dir: string;
  readonly #filler: string;

  private constructor(path: string) {
    this.path = path;
    this.dir = join(path, "streams");
    this.#filler = join(path, "filler");
  }

  /** Mounts one; `undefined` where the machine doesn't let this user. */
  static mount(sizeMib: number): SmallDisk | undefined {
    const path = mkdtempSync(join(tmpdir(), "durable-streams-disk-"));
    const { success } = run("mount", ["-t", "tmpfs", "-o", `size=${sizeMib}m`, "tmpfs", path]);
    if (success) return new SmallDisk(path);
    rmdirSync(path);
    return undefined;
  }

  /** Takes all the room that is left. */
  fill(): void {
    const file = openSync(this.#filler, "a");
    try {
      for (const size of [MIB, PAGE_BYTES]) while (writeAll(file, new Uint8Array(size)));
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(this.#filler, { force: true });
  }

  [Symbol.dispose](): void {
    const { success, stderr } = run("umount", [this.path]);
    if (!success) throw new Error(`Cannot unmount: ${new TextDecoder().decode(stderr)}`);
    rmdirSync(this.path);
  }
}

/** Whether there was room for all of it. */
function writeAll(file: number, bytes: Uint8Array): boolean {
  try {
    return writeSync(file, bytes) === bytes.length;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}

function run(command: string, args: string[]): Deno.CommandOutput {
  return new Deno.Command(command, { args, stdout: "null", stderr: "piped" }).outputSync();
}
