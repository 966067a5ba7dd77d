import { DirectoryError } from "../../../src/storage/file/directory/damage.ts";
import { lockDirectory } from "../../../src/storage/file/directory/lock.ts";
import { directoryPaths } from "../../../src/storage/file/directory/paths.ts";

/** Takes a directory's lock in a process of its own, and prints what came of it. */
try {
  lockDirectory(directoryPaths(Deno.args[0] ?? "").lock).release();
  console.log("taken");
} catch (error) {
  console.log(error instanceof DirectoryError ? error.code : String(error));
}
