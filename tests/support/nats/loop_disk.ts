import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** `EXT4_IOC_SHUTDOWN`, and that what isn't on the disk yet is not to get there. */
const SHUTDOWN = 0x8004587dn;
const NO_LOG_FLUSH = 2;
const CHUNK_BYTES = 1024 * 1024;

/** A file system of its own in a file: it can be full, and lose what wasn't synced as its machine's power goes. */
export class LoopDisk {
  /** Where it is mounted. */
  readonly dir: string;
  readonly #image: string;

  private constructor(dir: string) {
    this.dir = join(dir, "disk");
    this.#image = join(dir, "image");
  }

  /** Why this process can't make one; `undefined` where it can. */
  static whyNot(): string | undefined {
    if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
    const has = (command: string) => spawnSync(command, ["-V"]).status !== null;
    return has("mkfs.ext4") && has("losetup") ? undefined : "needs mkfs.ext4 and losetup";
  }

  /**
   * Makes one in a folder.
   *
   * @throws {Error} where the machine doesn't let it
   */
  static make(dir: string, bytes: number): LoopDisk {
    const disk = new LoopDisk(dir);
    closeSync(openSync(disk.#image, "w"));
    truncateSync(disk.#image, bytes);
    mkdirSync(disk.dir);
    run("mkfs.ext4", "-q", "-m", "0", disk.#image);
    disk.#mount();
    return disk;
  }

  /** Leaves no room on it. */
  fill(): void {
    const file = openSync(this.#filler, "a");
    try {
      for (let bytes = CHUNK_BYTES; bytes >= 1;) {
        try {
          writeSync(file, new Uint8Array(bytes));
        } catch {
          bytes = Math.floor(bytes / 2);
        }
      }
    } finally {
      closeSync(file);
    }
  }

  /** Gives that room back. */
  free(): void {
    rmSync(this.#filler, { force: true });
  }

  /** Room that is left, in bytes. */
  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.dir);
    return bavail * bsize;
  }

  /** What wasn't synced is gone, and it takes nothing any more. */
  cutPower(): void {
    const libc = Deno.dlopen("libc.so.6", {
      ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
      open: { parameters: ["buffer", "i32"], result: "i32" },
      close: { parameters: ["i32"], result: "i32" },
    });
    try {
      const { ioctl, open, close } = libc.symbols;
      const fd = open(new TextEncoder().encode(`${this.dir}\0`), 0);
      if (fd < 0) throw new Error(`Cannot open ${this.dir}.`);
      const result = ioctl(fd, SHUTDOWN, new Uint32Array([NO_LOG_FLUSH]));
      close(fd);
      if (result !== 0) throw new Error(`${this.dir} can't be shut down.`);
    } finally {
      libc.close();
    }
  }

  /** There is power again: what was synced is there. Nobody may use it at the call. */
  restore(): void {
    run("umount", this.dir);
    this.#mount();
  }

  [Symbol.dispose](): void {
    spawnSync("umount", ["-l", this.dir]);
    rmSync(this.#image, { force: true });
  }

  get #filler(): string {
    return join(this.dir, "filler");
  }

  #mount(): void {
    run("mount", "-o", "loop", this.#image, this.dir);
  }
}

function run(...[command = "", ...args]: string[]): void {
  const { status, stderr } = spawnSync(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
