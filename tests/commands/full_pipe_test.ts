import { deepEqual, equal } from "node:assert/strict";
import { openFileStorage } from "../../src/storage/file/open.ts";
import { RUNTIME_TARGETS } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { inRepo } from "../tools/repo.ts";
import { installTestTools } from "../tools/install.ts";

/** Far more than a pipe holds. */
const BYTES = 2_000_000;
const LIMIT_MS = 60_000;

for (const { name, command } of RUNTIME_TARGETS) {
  Deno.test(`${name}: a backup whose pipe nobody reads ends at SIGTERM, and leaves nothing`, () =>
    withTempDir(async (root) => {
      await installTestTools();
      const [dir, tempDir] = [`${root}/data`, `${root}/temp`];
      await Deno.mkdir(tempDir);
      const storage = await openFileStorage({ dir });
      await storage.create("a", { contentType: "text/plain" });
      await storage.append("a", { contentType: "text/plain", body: new Uint8Array(BYTES) });
      await storage.close();
      const [executable = "", ...args] = await command();
      const child = new Deno.Command(executable, {
        args: [...args, "backup", "--dir", dir, "--to", "-", "--temp-dir", tempDir],
        cwd: inRepo(),
        stdout: "piped",
      }).spawn();
      const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
      const reader = child.stdout.getReader();
      try {
        await reader.read();
        child.kill("SIGTERM");
        equal((await child.status).code, 143);
        deepEqual([...Deno.readDirSync(tempDir)], []);
      } finally {
        clearTimeout(timer);
        await reader.cancel();
      }
    }));
}
