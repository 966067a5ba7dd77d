import { ok } from "node:assert/strict";
import { join } from "node:path";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { inRepo } from "../tools/repo.ts";
import { bun } from "./targets.ts";

Deno.test("on Bun a stream holds nothing of the requests that made it", () =>
  withTempDir(async (dir) => {
    const script = inRepo("tests", "runtime", "held_memory.ts");
    const { code, output } = await runCommand([bun, script, join(dir, "streams")], {
      cwd: inRepo(),
      limitMinutes: 1,
    });
    const bytes = Number(output.trim());
    ok(code === 0 && Number.isFinite(bytes), output);
    ok(bytes < 8 * 1024, `${bytes} bytes a stream: a whole head of 15 KiB is kept`);
  }));
