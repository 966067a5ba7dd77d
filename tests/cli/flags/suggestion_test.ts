import { equal } from "node:assert/strict";
import { suggest } from "../../../src/cli/flags/suggestion.ts";
import { COMMAND_SYNONYMS, FLAG_SYNONYMS } from "../../../src/cli/synonyms.ts";
import { commands } from "../../../src/cli/commands.ts";

const WORDS = ["read", "repair", "tail", "create", "dir", "log-level", "log-format"];

Deno.test("a slip or two away is the word that was meant", () => {
  equal(suggest("reed", WORDS), "read");
  equal(suggest("raed", WORDS), "read");
  equal(suggest("tial", WORDS), "tail");
  equal(suggest("repiar", WORDS), "repair");
  equal(suggest("crete", WORDS), "create");
  equal(suggest("log-levl", WORDS), "log-level");
});

Deno.test("words that have each other's parts are meant, and unlike ones aren't", () => {
  equal(suggest("data-dir", WORDS), "dir");
  equal(suggest("log", WORDS), "log-level");
  equal(suggest("frobnicate", WORDS), undefined);
  equal(suggest("x", WORDS), undefined);
  equal(suggest("constructor", WORDS, {}), undefined);
});

Deno.test("another program's word stands for ours", () => {
  equal(suggest("cat", WORDS, COMMAND_SYNONYMS), "read");
  equal(suggest("constructor", WORDS, COMMAND_SYNONYMS), undefined);
});

Deno.test("what synonyms stand for are commands and flags that there are", () => {
  const names = commands.map(({ name }) => name);
  for (const word of Object.values(COMMAND_SYNONYMS).flat()) {
    equal(names.includes(word), true, word);
  }
  const flags = commands.flatMap((verb) => Object.values<{ name: string }>(verb.flags));
  for (const word of Object.values(FLAG_SYNONYMS).flat()) {
    equal(flags.some(({ name }) => name === word), true, word);
  }
});
