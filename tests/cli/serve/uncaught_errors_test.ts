import { equal, match } from "node:assert/strict";
import { inRepo } from "../../tools/repo.ts";
import { bun } from "../../runtime/targets.ts";

const CODE = `
import { surviveUncaughtErrors } from "FAULTS";
import { configureLogs } from "LOGGER";
configureLogs({ level: "info", format: "text" });
surviveUncaughtErrors();
setTimeout(() => { throw new Error("thrown aside"); }, 0);
setTimeout(() => { Promise.reject(new Error("rejected aside")); }, 0);
setTimeout(() => { console.log("still here"); process.exit(0); }, 200);
`
  .replace("FAULTS", new URL(`file://${inRepo("src/cli/serve/uncaught_errors.ts")}`).href)
  .replace("LOGGER", new URL(`file://${inRepo("src/cli/serve/logger.ts")}`).href);

for (const command of [[Deno.execPath(), "eval"], [bun, "-e"]]) {
  const [program = "", ...args] = command;
  Deno.test(`on ${args[0]} what nobody catches is logged and survived`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args, CODE],
      cwd: inRepo(),
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    equal(code, 0, text);
    equal(new TextDecoder().decode(stdout), "still here\n");
    match(text, /FATAL uncaught exception error="thrown aside"\n {4}Error: thrown aside/);
    match(text, /FATAL unhandled rejection error="rejected aside"/);
  });
}
