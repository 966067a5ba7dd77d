import { deepStrictEqual, equal, match, ok } from "node:assert/strict";
import { getLogger, resetSync } from "@logtape/logtape";
import { configureLogs, type LogOptions } from "../../../src/cli/serve/logger.ts";

/** What the program would write to stderr while `act` runs. */
function logged(options: LogOptions | undefined, act: () => void): string[] {
  const lines: string[] = [];
  const { error } = console;
  console.error = (line: string) => lines.push(line);
  try {
    if (options !== undefined) configureLogs(options);
    act();
  } finally {
    console.error = error;
    resetSync();
  }
  return lines;
}

const log = getLogger(["durable-streams", "test"]);

Deno.test("unless it is configured, as in a program that embeds it, nothing is logged", () => {
  deepStrictEqual(logged(undefined, () => log.fatal("help")), []);
});

Deno.test("a text line has time, level, message and properties", () => {
  const [line = ""] = logged({ level: "info", format: "text" }, () => {
    log.info("read {count} bytes", { count: 3, dir: "/a b", port: 1, ok: true, none: undefined });
  });
  match(
    line,
    /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO read 3 bytes dir="\/a b" port=1 ok=true none=undefined$/,
  );
});

Deno.test("an error in a text line comes with its stack, indented", () => {
  const [line = ""] = logged({ level: "info", format: "text" }, () => {
    log.error("request failed", { error: new Error("no luck\nat all") });
  });
  match(
    line,
    /ERROR request failed error="no luck\\nat all"\n {4}Error: no luck\n {4}at all\n {8}at /,
  );
});

Deno.test("text from outside can't begin a line or move the cursor", () => {
  const [line = ""] = logged({ level: "info", format: "text" }, () => {
    log.info("name", { name: "a\n2026 INFO forged\x1b[2J" });
  });
  match(line, /name="a\\n2026 INFO forged\\u001b\[2J"$/);
});

Deno.test("a JSON line is one object with the properties beside the message", () => {
  const [line = ""] = logged({ level: "info", format: "json" }, () => {
    log.warn("slow", { ms: 12, error: new Error("why") });
  });
  const parsed: unknown = JSON.parse(line);
  ok(typeof parsed === "object" && parsed !== null && "error" in parsed && "@timestamp" in parsed);
  const { error, "@timestamp": timestamp, ...rest } = parsed;
  match(String(timestamp), /Z$/);
  match(JSON.stringify(error), /"why"/);
  deepStrictEqual(rest, { level: "WARN", message: "slow", logger: "durable-streams.test", ms: 12 });
});

Deno.test("what is less serious than the level isn't logged", () => {
  const count = (level: LogOptions["level"]) =>
    logged({ level, format: "text" }, () => {
      log.debug("1");
      log.info("2");
      log.warn("3");
      log.error("4");
    }).length;
  equal(count("debug"), 4);
  equal(count("info"), 3);
  equal(count("warn"), 2);
  equal(count("error"), 1);
});
