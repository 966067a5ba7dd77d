/**
 * Asks the system to forget the cached pages of every file in a directory, so that they are read from
 * the disk next. What a process has mapped or not yet written stays: the record's bytes fetched from the
 * disk say how much really came from there.
 */
export async function dropFromCache(directory: string | undefined): Promise<void> {
  if (directory === undefined) return;
  await new Deno.Command("sync", { args: ["-f", directory] }).output();
  await new Deno.Command("timeout", {
    args: [
      LIMIT_SECONDS,
      "find",
      directory,
      "-type",
      "f",
      "-size",
      "+0",
      "-exec",
      "dd",
      "if={}",
      ...DROP,
      ";",
    ],
    stdout: "null",
    stderr: "null",
  }).output();
}

const LIMIT_SECONDS = "60";
// With no block to copy, dd's iflag=nocache drops what is cached of the whole file.
const DROP = ["iflag=nocache", "count=0", "status=none"];
