import { deepEqual, equal, match } from "node:assert/strict";
import { Command } from "commander";
import { configureSync, type LogRecord, resetSync } from "@logtape/logtape";
import { Reload } from "../../../src/cli/config/reload.ts";
import { parseConfig } from "../../../src/cli/config/parse_config.ts";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags as flags } from "../../../src/cli/flags/serve_flags.ts";

const SECTIONS = ["access.rule", "other"].map((name) => ({ name, help: "", check() {} }));

/** A server's settings in a file that changes. */
class ReloadKit {
  source = "";
  readonly logged: LogRecord[] = [];
  readonly reload: Reload;

  constructor(source: string, args: readonly string[] = []) {
    const command = new Command("test");
    addFlags(command, flags);
    command.parse(args, { from: "user" });
    const read = () =>
      readFlags(
        command,
        flags,
        {},
        parseConfig("x.toml", this.source, { flags, sections: SECTIONS }),
      );
    this.source = source;
    this.reload = new Reload({ flags, started: read(), read });
    this.reload.start();
    configureSync({
      reset: true,
      sinks: { memory: (record) => this.logged.push(record) },
      loggers: [
        { category: "durable-streams", sinks: ["memory"] },
        { category: ["logtape", "meta"], lowestLevel: "fatal", sinks: [] },
      ],
    });
  }

  get lines(): readonly string[] {
    return this.logged.map(({ level, message }) => `${level}: ${message.join("")}`);
  }

  [Symbol.dispose]() {
    resetSync();
  }
}

Deno.test("a reload applies what is taken, and names what needs a restart each time", async () => {
  using kit = new ReloadKit('log-level = "info"\nport = 1');
  const levels: string[] = [];
  kit.reload.onReload({
    name: "the log",
    flags: [flags.logLevel],
    prepare: (values) => ({ apply: () => void levels.push(values.get(flags.logLevel)) }),
  });
  kit.source = 'log-level = "debug"\nport = 2\nworkers = 3';
  await kit.reload.request();
  deepEqual(levels, ["debug"]);
  deepEqual(kit.logged[0]?.properties, { changed: ["log-level"] });
  deepEqual(kit.lines, ["info: reloaded", "warning: needs a restart: port, workers"]);
  await kit.reload.request();
  equal(kit.lines.at(-1), "warning: needs a restart: port, workers");
  deepEqual(kit.logged[2]?.properties, { changed: [] });
});

Deno.test("a file that is wrong changes nothing, and each mistake is logged", async () => {
  using kit = new ReloadKit("");
  let applied = 0;
  kit.reload.onReload({ name: "any", prepare: () => ({ apply: () => void applied++ }) });
  kit.source = "port = 70000\nprot = 1";
  await kit.reload.request();
  equal(applied, 0);
  equal(kit.lines.length, 2);
  match(
    kit.lines[0] ?? "",
    /^error: not reloaded, all settings stay as they were: x\.toml:1:8: port/,
  );
  match(kit.lines[1] ?? "", /x\.toml:2:1: "prot" is no setting/);
});

Deno.test("a part that can't take its settings keeps all others from taking theirs", async () => {
  using kit = new ReloadKit("");
  let applied = 0;
  let abandoned = 0;
  kit.reload.onReload({
    name: "first",
    prepare: () => ({ apply: () => void applied++, abandon: () => void abandoned++ }),
  });
  kit.reload.onReload({
    name: "the certificate",
    prepare: () => Promise.reject(new Error("no such file")),
  });
  await kit.reload.request();
  deepEqual([applied, abandoned], [0, 1]);
  deepEqual(kit.lines, [
    "error: not reloaded, all settings stay as they were: the certificate: no such file",
  ]);
});

Deno.test("a reload that is asked for during another follows it", async () => {
  using kit = new ReloadKit("");
  const held = Promise.withResolvers<void>();
  let prepared = 0;
  kit.reload.onReload({
    name: "slow",
    async prepare() {
      prepared++;
      await held.promise;
      return { apply: () => {} };
    },
  });
  const first = kit.reload.request();
  const second = kit.reload.request();
  held.resolve();
  await Promise.all([first, second]);
  equal(prepared, 2);
});

Deno.test("a part gets what it takes as it is now, and all else as it was at the start", async () => {
  using kit = new ReloadKit(
    'log-level = "info"\nworkers = 1\n[access]\nrule = [1]\n[other]\na = 1',
  );
  const seen: unknown[] = [];
  kit.reload.onReload({
    name: "the log",
    flags: [flags.logLevel],
    prepare: () => ({ apply() {} }),
  });
  kit.reload.onReload({
    name: "the rules",
    sections: ["access.rule"],
    prepare(values) {
      seen.push([values.get(flags.logLevel), values.get(flags.workers), values.extra]);
      return { apply() {} };
    },
  });
  kit.source = 'log-level = "warn"\nworkers = 4\n[other]\na = 2';
  await kit.reload.request();
  kit.source = "[access]\nrule = [2]";
  await kit.reload.request();
  deepEqual(seen, [
    ["warn", 1, { other: { a: 1 } }],
    ["info", 1, { other: { a: 1 }, "access.rule": [2] }],
  ]);
});

Deno.test("what the command line gives isn't changed by the file", async () => {
  using kit = new ReloadKit("port = 1", ["--port", "5"]);
  kit.source = "port = 2";
  await kit.reload.request();
  deepEqual(kit.lines, ["info: reloaded"]);
});
