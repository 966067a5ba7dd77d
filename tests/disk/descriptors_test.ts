import { deepEqual } from "node:assert/strict";
import { bun } from "../runtime/targets.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { installTestTools } from "../tools/install.ts";
import { inRepo } from "../tools/repo.ts";

/** A real process whose descriptors are all taken: what the storage needs was kept for it. */

const SCRIPT = inRepo("tests", "disk", "starved_storage.ts");
const RUNTIMES = {
  deno: [Deno.execPath(), "run", "-A", "-c", inRepo("deno.json"), SCRIPT],
  bun: [bun, SCRIPT],
};
const DESCRIPTORS = 200;
/** Deno itself doesn't outlive a look for a newer one when there is no descriptor for it. */
const env = { DENO_NO_UPDATE_CHECK: "1" };

for (const [runtime, command] of Object.entries(RUNTIMES)) {
  Deno.test(`${runtime}: appends and checkpoints go on when no descriptor is left`, () =>
    withTempDir(async (root) => {
      await installTestTools();
      const limited = `ulimit -n ${DESCRIPTORS}; exec "$@"`;
      const starved = ["sh", "-c", limited, "sh", ...command, `${root}/dir`];
      const { output } = await runCommand(starved, { env, limitMinutes: 1 });
      deepEqual(JSON.parse(output.trim().split("\n").at(-1) ?? ""), {
        answers: ["done"],
        state: "ok",
        hasStored: true,
        failedCheckpoints: 0,
        isWhole: true,
      });
    }));
}
