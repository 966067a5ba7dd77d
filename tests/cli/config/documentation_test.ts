import { deepEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { CONFIG_SECTIONS } from "../../../src/cli/config/sections.ts";
import { parseConfig } from "../../../src/cli/config/parse_config.ts";
import type { Flag } from "../../../src/cli/flags/flag.ts";
import { serveFlags } from "../../../src/cli/flags/serve_flags.ts";
import {
  LOG_FLAGS,
  RELOADED_SECTIONS,
  REQUEST_FLAGS,
  REREAD_FLAGS,
  STORAGE_FLAGS,
} from "../../../src/cli/serve/reloadable.ts";
import { inRepo } from "../../tools/repo.ts";

const text = readFileSync(inRepo("docs/CONFIGURATION.md"), "utf8");
const example = /^```toml\n([^]*?)^```$/m.exec(text)?.[1] ?? "";
/** With what stands there as a comment, too. */
const whole = example.replaceAll(/^# (?=[\w-]+ = |\[\[)/gm, "");
const flags = Object.values<Flag<unknown>>(serveFlags)
  .filter(({ name, commandLineOnly }) => name !== "config" && !commandLineOnly);

/** The rows of the table of what SIGHUP does: names of settings and what becomes of them. */
const reloads = text.slice(text.indexOf("| setting "), text.indexOf("Without `--config`, SIGHUP"))
  .split("\n").filter((line) => line.startsWith("| `")).map((line) => {
    const [settings = "", effect = ""] = line.slice(1, -1).split("|").map((cell) => cell.trim());
    return { names: [...settings.matchAll(/`([\w.-]+)`/g)].map(([, name = ""]) => name), effect };
  });

function namesWhere(isMeant: (effect: string) => boolean): string[] {
  return reloads.filter(({ effect }) => isMeant(effect)).flatMap(({ names }) => names).sort();
}

function namesOf(some: readonly Flag<unknown>[]): string[] {
  return some.map(({ name }) => name).sort();
}

Deno.test("the table of what SIGHUP does has every setting once, and says of each what the code does", () => {
  const all = [
    ...flags.map(({ name }) => name),
    "config",
    ...CONFIG_SECTIONS.map(({ name }) => name),
  ];
  deepEqual(namesWhere(() => true), all.sort());
  const taken = [
    ...namesOf([...LOG_FLAGS, ...REQUEST_FLAGS, ...STORAGE_FLAGS]),
    ...RELOADED_SECTIONS,
  ];
  const isReread = (effect: string) => effect.endsWith("another path needs a restart");
  const isFixed = (effect: string) => effect === "needs a restart";
  deepEqual(namesWhere(isReread), namesOf(REREAD_FLAGS));
  deepEqual(namesWhere((effect) => !isReread(effect) && !isFixed(effect)), taken.sort());
});

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
