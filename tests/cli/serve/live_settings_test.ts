import { deepEqual, equal, match, throws } from "node:assert/strict";
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { resetSync } from "@logtape/logtape";
import { Command } from "commander";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";
import { type AppSettings, appSettings } from "../../../src/cli/serve/app_settings.ts";
import { LiveSettings } from "../../../src/cli/serve/live_settings.ts";
import { withTempDir } from "../../support/temp_dir.ts";

const LOGS = { level: "error", format: "text" } as const;
const ENTRY = {
  atMs: 0,
  id: "r1",
  client: undefined,
  method: "GET",
  path: "/a",
  status: 200,
  bytes: 1,
  ms: 1,
};

function settings(args: readonly string[], shares = 1): AppSettings {
  const command = new Command("test");
  addFlags(command, serveFlags);
  command.parse(args, { from: "user" });
  return appSettings(readFlags(command, serveFlags, {}), shares, 100);
}

Deno.test("there is no access log unless a flag asks for one, or messages of debugging are logged", () => {
  equal(settings([]).accessLog, undefined);
  equal(settings(["--access-log", "none", "--log-level", "debug"]).accessLog, undefined);
  equal(settings(["--log-level", "debug"]).accessLog?.format, "text");
  equal(settings(["--access-log-file", "x", "--log-format", "json"]).accessLog?.format, "json");
  deepEqual(settings(["--access-log", "json", "--access-log-sample", "5"], 2).accessLog, {
    format: "json",
    linesPerSecond: 3,
    file: undefined,
  });
});

Deno.test("new settings apply when they are asked to, and a file is opened anew", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "access.log");
    const on = settings(["--access-log", "text", "--access-log-file", path]);
    const live = new LiveSettings(on);
    try {
      live.requestLog.observer?.(ENTRY);
      renameSync(path, `${path}.1`);
      const prepared = live.prepare(on, LOGS);
      live.requestLog.observer?.({ ...ENTRY, id: "r2" });
      prepared.apply();
      live.requestLog.observer?.({ ...ENTRY, id: "r3" });
      await live.close();
      match(readFileSync(`${path}.1`, "utf8"), /id=r1\n.*id=r2\n$/);
      match(readFileSync(path, "utf8"), /^\S+ ACCESS GET \/a 200 bytes=1 ms=1 id=r3\n$/);
      live.prepare(settings([]), LOGS).apply();
      equal(live.requestLog.observer, undefined);
    } finally {
      resetSync();
    }
  }));

Deno.test("a file that can't be opened is told with its flag, and the old log goes on", () => {
  const live = new LiveSettings(settings([]));
  const bad = settings(["--access-log-file", "/nowhere/access.log"]);
  throws(() => live.prepare(bad, LOGS), /can't be opened, with --access-log-file: ENOENT/);
  throws(() => new LiveSettings(bad), /can't be opened/);
  equal(live.requestLog.observer, undefined);
});
