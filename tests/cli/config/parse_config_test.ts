import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { ConfigError } from "../../../src/cli/config/config_error.ts";
import { parseConfig } from "../../../src/cli/config/parse_config.ts";
import type { ConfigSection } from "../../../src/cli/config/sections.ts";
import { serveFlags as flags } from "../../../src/cli/flags/serve_flags.ts";

const RULES: ConfigSection = {
  name: "access.rule",
  help: "rules",
  check(value) {
    if (JSON.stringify(value).includes("bad")) throw new RangeError("the rule is bad");
  },
};
const SYNONYMS = { bind: ["host"] };

function read(source: string) {
  return parseConfig("x.toml", source, { flags, sections: [RULES], synonyms: SYNONYMS });
}

function mistakes(source: string): readonly string[] {
  let lines: readonly string[] = [];
  throws(() => read(source), (error) => {
    ok(error instanceof ConfigError);
    lines = error.message.split("\n");
    return true;
  });
  return lines;
}

Deno.test("keys are flags' names, and their values texts, numbers, switches or lists", () => {
  const { texts, extra } = read(`# a comment
port = 81
max-append-bytes = "1MiB"
chunk-bytes = 8192

private = true
cors = [
  "https://a.test", # one
  "loopback",
]
`);
  deepEqual(Object.fromEntries(texts), {
    port: { text: "81", line: 2 },
    "max-append-bytes": { text: "1MiB", line: 3 },
    "chunk-bytes": { text: "8192", line: 4 },
    private: { text: "true", line: 6 },
    cors: { text: "https://a.test\nloopback", line: 7 },
  });
  deepEqual(extra, {});
});

Deno.test("every mistake is told with its line, its column, its value and what would be right", () => {
  deepEqual(
    mistakes(`port = 70000
  max-append-bytes =   "1MB"
dir = ["a", "b"]
private = "yes"
host = { a = 1 }
fsync = 1979-05-27
`),
    [
      "x.toml:1:8: port is 70000; accepted: a whole number from 0 to 65535",
      'x.toml:2:24: max-append-bytes is "1MB"; accepted: 1 to 1GiB, as bytes or with KiB, MiB or GiB (512, 64KiB, 1MiB)',
      "x.toml:3:7: dir is a list; accepted: a path",
      'x.toml:4:11: private is "yes"; accepted: true, 1, false, 0',
      "x.toml:5:8: host is a table; accepted: a host name or an IP address, IPv6 without brackets, or unix: and a path",
      "x.toml:6:9: fsync is a date; accepted: always, interval, never",
    ].map((line, index) => index === 6 ? mistakes("\n\n\n\n\n\ncors = []")[0] : line),
  );
});

Deno.test("a list is for flags that may be given again, and has something in it", () => {
  match(mistakes("cors = []")[0] ?? "", /^x\.toml:1:8: cors is an empty list; accepted: \*, none/);
  match(mistakes("port = [1]")[0] ?? "", /^x\.toml:1:8: port is a list; accepted: a whole number/);
});

Deno.test("an unknown key is told with the one that is meant", () => {
  deepEqual(
    mistakes(`prot = 1
max_append_bytes = 1
maxAppendBytes = 1
--port = 1
bind = "::"
frobnicate = 1
config = "y.toml"
`),
    [
      'x.toml:1:1: "prot" is no setting; did you mean port?',
      'x.toml:2:1: "max_append_bytes" is no setting; did you mean max-append-bytes?',
      'x.toml:3:1: "maxAppendBytes" is no setting; did you mean max-append-bytes?',
      'x.toml:4:1: "--port" is no setting; did you mean port?',
      'x.toml:5:1: "bind" is no setting; did you mean host?',
      'x.toml:6:1: "frobnicate" is no setting: keys are flags without dashes',
      "x.toml:7:1: config names the file itself: give it by --config or the variable",
    ],
  );
});

Deno.test("tables that nobody knows are refused, and so is a misspelt one", () => {
  deepEqual(
    mistakes(`[server]
port = 1
[[access.rules]]
a = 1
`),
    [
      'x.toml:1:1: "server" is no table: settings stand at the top of the file, outside tables; known: access.rule',
      'x.toml:3:1: "access.rules" is no table; did you mean access.rule?',
    ],
  );
  deepEqual(mistakes("[access]\nb = 2\n"), [
    'x.toml:2:1: "access.b" is no setting: keys are flags without dashes',
  ]);
});

Deno.test("a table that is known is handed on whole, and a bad one of several told with its line", () => {
  const source = `port = 1
[[access.rule]]
path = "a/**"
[[access.rule]]
path = "b"
port = "in a table this is the table's own"
`;
  const { texts, extra } = read(source);
  equal(texts.size, 1);
  deepEqual(JSON.parse(JSON.stringify(extra)), {
    "access.rule": [
      { path: "a/**" },
      { path: "b", port: "in a table this is the table's own" },
    ],
  });
  deepEqual(mistakes(source.replace('"b"', '"bad"')), ["x.toml:4:1: the rule is bad"]);
});

Deno.test("of a file that is no TOML several mistakes are told, and text without quotes is shown with them", () => {
  const [first = "", second = "", ...more] = mistakes(`max-append-bytes = 10MiB
port = 80
host "::"
`);
  equal(more.length, 0);
  match(first, /^x\.toml:1:\d+: .*; text stands in quotes: "10MiB"$/);
  match(second, /^x\.toml:3:\d+: .*; expected TOML, such as port = 4437$/);
});

Deno.test("a key that is there twice is a mistake", () => {
  match(mistakes("port = 1\nport = 2\n")[0] ?? "", /^x\.toml:2:/);
});

Deno.test("lines inside of long texts and lists are no statements", () => {
  const lines = mistakes(`dir = """
port = 1
[x]
"""
allow-host = [
  "a.test",
  "b.test"
]
nonsense = 1
`);
  deepEqual(lines, ['x.toml:9:1: "nonsense" is no setting: keys are flags without dashes']);
});

Deno.test("lines may end as Windows ends them", () => {
  equal(read("port = 81\r\nprivate = true\r\n").texts.get("private")?.line, 2);
  match(mistakes("port = 81\r\nprivate = 7\r\n")[0] ?? "", /^x\.toml:2:11: private is 7/);
  match(mistakes("port = 81\r\nhost ::\r\n")[0] ?? "", /^x\.toml:2:/);
});

Deno.test("names of JavaScript's own are no settings", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    equal(mistakes(`${name} = 1`).length, 1, name);
  }
});

Deno.test("of a list the part that isn't taken is shown", () => {
  const [line = ""] = mistakes('quota = ["a/** = 1GiB", "b/** = 1GB"]\n');
  match(line, /^x\.toml:1:9: quota has "b\/\*\* = 1GB"; accepted: /);
});
