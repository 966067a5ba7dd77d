import { deepEqual, equal } from "node:assert/strict";
import { Ballast } from "../../../../src/storage/file/directory/ballast.ts";
import { FileSystemError } from "../../../../src/env/file_system.ts";
import { HookedFileSystem } from "../../../support/hooked_file_system.ts";
import { withTempDir } from "../../../support/temp_dir.ts";

const KIB = 1024;
const WANTED = 1024 * KIB;

Deno.test("the ballast takes its room, gives it back and takes it again", () =>
  withTempDir(async (dir) => {
    const ballast = new Ballast(new HookedFileSystem(), `${dir}/ballast`, WANTED);
    equal(ballast.release(), false);
    await ballast.refill();
    equal(sizeOf(dir), WANTED);
    const again = new Ballast(new HookedFileSystem(), `${dir}/ballast`, WANTED);
    equal(again.release(), true);
    equal(sizeOf(dir), undefined);
    equal(again.release(), false);
  }));

Deno.test("on a full disk the ballast takes what there is, and later the rest", () =>
  withTempDir(async (dir) => {
    const disk = new HookedFileSystem();
    let pieces = 0;
    disk.before = ({ call, path }) => {
      if (call !== "write" || ++pieces !== 3) return;
      throw new FileSystemError("no_space", "write", path, "no space left");
    };
    const ballast = new Ballast(disk, `${dir}/ballast`, WANTED);
    await ballast.refill();
    equal(sizeOf(dir), 512 * KIB);
    await ballast.refill();
    deepEqual([sizeOf(dir), pieces], [WANTED, 5]);
  }));

Deno.test("what is released while it is being filled stays released", () =>
  withTempDir(async (dir) => {
    const disk = new HookedFileSystem();
    const ballast = new Ballast(disk, `${dir}/ballast`, WANTED);
    let pieces = 0;
    disk.before = ({ call }) => {
      if (call === "write" && ++pieces === 2) equal(ballast.release(), true);
    };
    await ballast.refill();
    deepEqual([sizeOf(dir), ballast.release()], [undefined, false]);
  }));

function sizeOf(dir: string): number | undefined {
  try {
    return Deno.statSync(`${dir}/ballast`).size;
  } catch {
    return undefined;
  }
}
