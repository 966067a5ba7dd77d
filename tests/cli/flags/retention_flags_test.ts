import { deepEqual, equal, throws } from "node:assert/strict";
import { BadValue } from "../../../src/cli/flags/flag.ts";
import {
  clientRetention,
  retentionFlag,
  retentionFlags,
  retentionWords,
} from "../../../src/cli/flags/retention_flags.ts";
import { parseConfig } from "../../../src/cli/config/parse_config.ts";
import { ConfigError } from "../../../src/cli/config/config_error.ts";

const GIB = 2 ** 30;
const WEEK_MS = 604_800_000;
const { retentionRules } = retentionFlags;

Deno.test("a retention is an age, a size, messages and to-snapshot, in any order", () => {
  deepEqual(retentionFlag.parse("7d, 10GiB, 1000 messages, to-snapshot"), {
    ageMs: WEEK_MS,
    bytes: 10 * GIB,
    messages: 1000,
    toSnapshot: true,
  });
  deepEqual(retentionFlag.parse("1 message,512B"), { messages: 1, bytes: 512 });
  deepEqual(retentionFlag.parse("10 GiB, 7 d"), { bytes: 10 * GIB, ageMs: WEEK_MS });
  deepEqual(retentionFlag.parse("none"), {});
});

const WRONG = [
  "",
  "7d, 8d",
  "0",
  "7",
  "7d, 1000",
  "0s",
  "500ms",
  "1500ms",
  "10GB",
  "0 messages",
  "-1 messages",
  "1.5d",
  "7d,",
  "none, 7d",
  "forever",
  "36501d",
  "to snapshot",
];

for (const text of WRONG) {
  Deno.test(`a retention of ${JSON.stringify(text)} is refused`, () => {
    throws(() => retentionFlag.parse(text), BadValue);
  });
}

Deno.test("a retention's words are read as the same again", () => {
  const words = "1w, 10GiB, 1000 messages, to-snapshot";
  const policy = retentionFlag.parse(words) ?? {};
  const retention = clientRetention(policy);
  equal(retention?.ageSeconds, 604_800);
  equal(retentionWords(retention ?? {}), words);
  equal(clientRetention({}), null);
  equal(retentionWords({ bytes: 1000 }), "1000B");
});

Deno.test("rules are patterns with a retention, a line each", () => {
  deepEqual(retentionRules.parse("logs/** = 7d, 10GiB\na=b = 5 messages\n"), [
    { pattern: "logs/**", retention: { ageMs: WEEK_MS, bytes: 10 * GIB } },
    { pattern: "a=b", retention: { messages: 5 } },
  ]);
  equal(retentionRules.parse("none"), undefined);
  for (const text of ["logs/**", "logs/** =", "logs/** = none", "logs* = 7d", "/logs = 7d"]) {
    throws(() => retentionRules.parse(text), BadValue, text);
  }
});

function rulesIn(source: string): unknown {
  const { texts } = parseConfig("x.toml", source, { flags: retentionFlags, sections: [] });
  return retentionRules.parse(texts.get("retention")?.text ?? "none");
}

Deno.test("in the configuration rules are a list, or a table of patterns", () => {
  const rules = [
    { pattern: "logs/**", retention: { ageMs: WEEK_MS, bytes: 10 * GIB } },
    { pattern: "chat/*", retention: { messages: 1000, toSnapshot: true } },
  ];
  const list = `retention = ["logs/** = 7d, 10GiB", "chat/* = 1000 messages, to-snapshot"]`;
  deepEqual(rulesIn(list), rules);
  const table = `[retention]
"logs/**" = { age = "7d", bytes = "10GiB" }
"chat/*" = { messages = 1000, to-snapshot = true }
`;
  deepEqual(rulesIn(table), rules);
  deepEqual(rulesIn(`[retention]\n"logs/**" = "7d, 10GiB"`), rules.slice(0, 1));
  deepEqual(rulesIn(`[retention."logs/**"]\nage = "7d"\nbytes = ${10 * GIB}`), rules.slice(0, 1));
});

Deno.test("a rule that can't be taken is told with its own line", () => {
  const bad = [
    `{ age = 7 }`,
    `{ age = "10GiB" }`,
    `{ bytes = "7d" }`,
    `{ days = 7 }`,
    `{}`,
    `7`,
    `"7 days"`,
    `{ messages = 1.5 }`,
    `{ to-snapshot = "yes" }`,
  ];
  for (const value of bad) {
    throws(
      () => rulesIn(`[retention]\n"a" = "7d"\n"logs/**" = ${value}`),
      (error) =>
        error instanceof ConfigError &&
        /^x\.toml:3:1: retention has "logs\/\*\*" = .*; accepted: none, or PATTERN = /.test(
          error.message,
        ),
      value,
    );
  }
});
