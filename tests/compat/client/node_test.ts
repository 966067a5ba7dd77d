import { deepEqual, equal } from "node:assert/strict";
import { runCommand } from "../../tools/command.ts";
import { inRepo } from "../../tools/repo.ts";
import { COMPAT_TARGETS, compatTest, sharedServer } from "../targets.ts";

/** The official client in Node, which has a `fetch` of its own. */

for (const target of COMPAT_TARGETS) {
  const server = sharedServer(target);

  compatTest(target, "Node writes, closes, and reads it all in each live mode", async () => {
    const script = inRepo("tests", "compat", "node", "roundtrip.mjs");
    const { code, output } = await runCommand(["node", script, server.streamUrl()], {
      limitMinutes: 1,
    });
    equal(code, 0, output);
    const all = ["appended", 1, 2, 3, "last"];
    deepEqual(JSON.parse(output), [all, all, all]);
  });
}
