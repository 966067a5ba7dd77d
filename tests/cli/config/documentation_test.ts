import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { CONFIG_SECTIONS } from "../../../src/cli/config/sections.ts";
import { parseConfig } from "../../../src/cli/config/parse_config.ts";
import type { Flag } from "../../../src/cli/flags/flag.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";
import { inRepo } from "../../tools/repo.ts";

const text = readFileSync(inRepo("docs/CONFIGURATION.md"), "utf8");
const example = /^```toml\n([^]*?)^```$/m.exec(text)?.[1] ?? "";
/** With what stands there as a comment, too. */
const whole = example.replaceAll(/^# (?=[\w-]+ = |\[\[)/gm, "");
const flags = Object.values<Flag<unknown>>(serveFlags)
  .filter(({ name, commandLineOnly }) => name !== "config" && !commandLineOnly);

function read(source: string) {
  return parseConfig("CONFIGURATION.md", source, { flags: serveFlags });
}

Deno.test("the example in docs/CONFIGURATION.md is right and has every setting", () => {
  const { texts, extra } = read(whole);
  deepEqual(flags.map(({ name }) => name).filter((name) => !texts.has(name)), []);
  deepEqual(CONFIG_SECTIONS.map(({ name }) => name).filter((name) => !(name in extra)), []);
});

Deno.test("what the example sets is the default, and what has none is a comment there", () => {
  const { texts } = read(example);
  for (const flag of flags) {
    const given = texts.get(flag.name);
    const value = given === undefined ? undefined : flag.parse(given.text);
    deepEqual(value, flag.default, flag.name);
  }
});
