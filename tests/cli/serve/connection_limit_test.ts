import { equal, match } from "node:assert/strict";
import { Command } from "commander";
import { connectionLimit } from "../../../src/cli/serve/connection_limit.ts";
import { addFlags, readFlags } from "../../../src/cli/flags/flag_values.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";

function limitFor(words: readonly string[], openFiles: number | undefined) {
  const command = new Command();
  addFlags(command, serveFlags);
  command.parse(words, { from: "user" });
  return connectionLimit(readFlags(command, serveFlags, {}), openFiles);
}

Deno.test("as many connections as the open files leave beside the streams' own and a reserve", () => {
  const { connections, warning } = limitFor(["--max-open-files", "100"], 1000);
  equal(connections, 1000 - 100 - 128 - 16);
  equal(warning, undefined);
  equal(limitFor(["--storage", "memory"], 1000).connections, 1000 - 128 - 16);
  equal(limitFor(["--max-open-files", "100", "--workers", "4"], 1000).connections, 708);
});

Deno.test("as many as are asked for, and a warning where the open files don't allow them", () => {
  equal(limitFor(["--max-connections", "10"], 1000).warning, undefined);
  const { connections, warning = "" } = limitFor(["--max-connections", "600"], 1024);
  equal(connections, 600);
  match(warning, /600 connections and 656 files may be open.*only 1024: raise that limit/);
});

Deno.test("some at least, where there are fewer open files than the streams may take", () => {
  const { connections, warning = "" } = limitFor([], 256);
  equal(connections, 16);
  match(warning, /16 connections and 656 files/);
});

Deno.test("some where the system doesn't say how many files may be open, and all where there is no limit", () => {
  equal(limitFor(["--max-open-files", "16"], undefined).connections, 10_080);
  equal(limitFor([], Infinity).connections, 10_000_000);
});
