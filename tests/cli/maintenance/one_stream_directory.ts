import { openFileStorage } from "../../../src/storage/file/open.ts";
import { withTempDir } from "../../support/temp_dir.ts";
import { CommandKit } from "../commands/command_kit.ts";

/** Runs a test on a directory with one short stream, cleanly stopped. */
export async function withOneStream(
  run: (dir: string, kit: CommandKit) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const storage = await openFileStorage({ dir, walBytes: 256 * 1024 });
    await storage.create("greetings", {
      contentType: "text/plain",
      body: new TextEncoder().encode("hello"),
    });
    await storage.close();
    await run(dir, new CommandKit());
  });
}
