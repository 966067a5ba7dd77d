import { equal, match } from "node:assert/strict";
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { withTempDir } from "../support/temp_dir.ts";
import { runCommand } from "../tools/command.ts";
import { BUN, installTestTools } from "../tools/install.ts";
import { inRepo } from "../tools/repo.ts";
import { CompatServer } from "./compat_server.ts";

/** What the examples of snapshots print, with the packages that they are for as npm has them. */
const PRINTED = {
  yjs: /^Streams outlive requests\. \(a snapshot, and updates since: 1\)$/,
  streamdb: /^Kim 49, Lee 49, Ada \(changes read: 3, before 100\)$/,
  chat: /^6 messages \(a snapshot, and turns since: 1\)\n.*"And me\? Yes!"\}\]\}$/,
};

Deno.test("each example of a snapshot begins with it, and reads on from it", () =>
  withTempDir(async (cwd) => {
    await installTestTools();
    linkPackages(cwd);
    const program = [Deno.execPath(), "run", "-A", inRepo("main.ts")];
    await using server = await CompatServer.start(program);
    for (const [name, printed] of Object.entries(PRINTED)) {
      const file = `${name}.ts`;
      copyFileSync(inRepo("examples", "snapshots", file), `${cwd}/${file}`);
      const env = { URL: server.url };
      const { code, output } = await runCommand([BUN, file], { cwd, env, limitMinutes: 1 });
      equal(code, 0, `${file}:\n${output}`);
      match(output.trim(), printed);
    }
  }));

/** The packages that the examples import, where a project of their own would have them. */
function linkPackages(dir: string): void {
  mkdirSync(`${dir}/node_modules/@durable-streams`, { recursive: true });
  symlinkSync(inRepo(), `${dir}/node_modules/durable-streams`);
  for (const name of ["yjs", "@durable-streams/state"]) {
    symlinkSync(inRepo("tests", "node_modules", name), `${dir}/node_modules/${name}`);
  }
}
